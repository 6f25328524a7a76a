"""Formulas as MathML, written when the site is built: browsers show it by themselves, without scripts or a network."""

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging

_LOG = logging.getLogger(__name__)


def _mathml(self, node: nodes.Element, *, block: bool) -> str:
    # docutils knows the old name only, and not \varnothing-like extras: what it does not know is an error of the page
    try:
        return tex2mathml(node.astext(), as_block=block)
    except MathError as error:
        _LOG.warning("formula that cannot be shown: %s: %s", node.astext(), error, location=node)
        return f"<code>{self.encode(node.astext())}</code>"


def _inline(self, node: nodes.Element) -> None:
    self.body.append(_mathml(self, node, block=False))
    raise nodes.SkipNode


def _block(self, node: nodes.Element) -> None:
    number = f'<span class="eqno">({node["number"]})</span>' if node.get("number") else ""
    self.body.append(f'<div class="math">{number}{_mathml(self, node, block=True)}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, object]:
    """Make it the way in which formulas are shown."""
    app.add_html_math_renderer("mathml", inline_renderers=(_inline, None), block_renderers=(_block, None))
    app.config.html_math_renderer = "mathml"
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
