"""The exact population flow of a network of finite width, in any dimension."""
