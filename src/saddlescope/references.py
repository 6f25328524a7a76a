"""BibTeX for the papers and the software a result rests on."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from saddlescope.arguments import ArgumentError

_ENTRIES = {
    "berthier2023": """\
@misc{berthier2023,
  author = {Berthier, Rapha{\\"e}l and Montanari, Andrea and Zhou, Kangjie},
  title  = {Learning time-scales in two-layers neural networks},
  year   = {2023},
  eprint = {2303.00055},
  archivePrefix = {arXiv},
}""",
    "gerbelot2026": """\
@misc{gerbelot2026,
  author = {Gerbelot, C{\\'e}dric and Mourrat, Jean-Christophe},
  title  = {Singular perturbations and hierarchical learning in two-layer neural networks},
  year   = {2026},
  eprint = {2607.10869},
  archivePrefix = {arXiv},
}""",
    "jacot2021": """\
@misc{jacot2021,
  author = {Jacot, Arthur and Ged, Fran{\\c c}ois and {\\c S}im{\\c s}ek, Berfin and Hongler, Cl{\\'e}ment
            and Gabriel, Franck},
  title  = {Saddle-to-saddle dynamics in deep linear networks: small initialization training, symmetry,
            and sparsity},
  year   = {2021},
  eprint = {2106.15933},
  archivePrefix = {arXiv},
}""",
    "wang2023": """\
@misc{wang2023,
  title = {Implicit bias of {SGD} in {L2}-regularized linear {DNN}s: One-way jumps from high to low rank},
  author = {Wang, Zihan and Jacot, Arthur},
  year = {2023},
  eprint = {2305.16038},
  archivePrefix = {arXiv}
}""",
    "pesme2023": """\
@misc{pesme2023,
  author = {Pesme, Scott and Flammarion, Nicolas},
  title  = {Saddle-to-saddle dynamics in diagonal linear networks},
  year   = {2023},
  eprint = {2304.00488},
  archivePrefix = {arXiv},
}""",
    "steinebach2023": """\
@article{steinebach2023,
  author  = {Steinebach, Gerd},
  title   = {Construction of {R}osenbrock--{W}anner method {R}odas5{P} and numerical benchmarks within the
             {J}ulia {D}ifferential {E}quations package},
  journal = {BIT Numerical Mathematics},
  volume  = {63},
  pages   = {27},
  year    = {2023},
  doi     = {10.1007/s10543-023-00967-x},
}""",
    "sommeijer1998": """\
@article{sommeijer1998,
  author  = {Sommeijer, Ben P. and Shampine, Lawrence F. and Verwer, Jan G.},
  title   = {{RKC}: an explicit solver for parabolic {PDE}s},
  journal = {Journal of Computational and Applied Mathematics},
  volume  = {88},
  pages   = {315--326},
  year    = {1998},
  doi     = {10.1016/S0377-0427(97)00219-7},
}""",
    "shampine1997": """\
@article{shampine1997,
  author  = {Shampine, Lawrence F. and Reichelt, Mark W.},
  title   = {The {MATLAB} {ODE} suite},
  journal = {SIAM Journal on Scientific Computing},
  volume  = {18},
  pages   = {1--22},
  year    = {1997},
  doi     = {10.1137/S1064827594276424},
}""",
    "brown1989": """\
@article{brown1989,
  author  = {Brown, Peter N. and Byrne, George D. and Hindmarsh, Alan C.},
  title   = {{VODE}: a variable-coefficient {ODE} solver},
  journal = {SIAM Journal on Scientific and Statistical Computing},
  volume  = {10},
  pages   = {1038--1051},
  year    = {1989},
  doi     = {10.1137/0910062},
}""",
    "deuflhard1985": """\
@article{deuflhard1985,
  author  = {Deuflhard, Peter},
  title   = {Recent progress in extrapolation methods for ordinary differential equations},
  journal = {SIAM Review},
  volume  = {27},
  pages   = {505--535},
  year    = {1985},
  doi     = {10.1137/1027140},
}""",
    "hairer1990": """\
@article{hairer1990,
  author  = {Hairer, Ernst and Ostermann, Alexander},
  title   = {Dense output for extrapolation methods},
  journal = {Numerische Mathematik},
  volume  = {58},
  pages   = {419--439},
  year    = {1990},
  doi     = {10.1007/BF01385634},
}""",
    "tsitouras2011": """\
@article{tsitouras2011,
  author  = {Tsitouras, Charalampos},
  title   = {{R}unge--{K}utta pairs of order 5(4) satisfying only the first column simplifying assumption},
  journal = {Computers \\& Mathematics with Applications},
  volume  = {62},
  pages   = {770--775},
  year    = {2011},
  doi     = {10.1016/j.camwa.2011.06.002},
}""",
    "prince1981": """\
@article{prince1981,
  author  = {Prince, Peter J. and Dormand, John R.},
  title   = {High order embedded {R}unge--{K}utta formulae},
  journal = {Journal of Computational and Applied Mathematics},
  volume  = {7},
  pages   = {67--75},
  year    = {1981},
  doi     = {10.1016/0771-050X(81)90010-3},
}""",
    "saad1995": """\
@article{saad1995,
  author  = {Saad, David and Solla, Sara A.},
  title   = {On-line learning in soft committee machines},
  journal = {Physical Review E},
  volume  = {52},
  pages   = {4225--4243},
  year    = {1995},
  doi     = {10.1103/PhysRevE.52.4225},
}""",
    "goldt2019": """\
@misc{goldt2019,
  author = {Goldt, Sebastian and Advani, Madhu S. and Saxe, Andrew M. and Krzakala, Florent and Zdeborov{\\'a}, Lenka},
  title  = {Dynamics of stochastic gradient descent for two-layer neural networks in the teacher-student setup},
  year   = {2019},
  eprint = {1906.08632},
  archivePrefix = {arXiv},
}""",
    "veiga2022": """\
@misc{veiga2022,
  author = {Veiga, Rodrigo and Stephan, Ludovic and Loureiro, Bruno and Krzakala, Florent and Zdeborov{\\'a}, Lenka},
  title  = {Phase diagram of stochastic gradient descent in high-dimensional two-layer neural networks},
  year   = {2022},
  eprint = {2202.00293},
  archivePrefix = {arXiv},
}""",
    "diffrax": """\
@phdthesis{diffrax,
  author = {Kidger, Patrick},
  title  = {On neural differential equations},
  school = {University of Oxford},
  year   = {2021},
}""",
    "equinox": """\
@misc{equinox,
  author = {Kidger, Patrick and Garcia, Cristian},
  title  = {{E}quinox: neural networks in {JAX} via callable {P}y{T}rees and filtered transformations},
  year   = {2021},
  eprint = {2111.00254},
  archivePrefix = {arXiv},
}""",
    "jax": """\
@software{jax,
  author = {Bradbury, James and Frostig, Roy and Hawkins, Peter and Johnson, Matthew James and Leary, Chris
            and Maclaurin, Dougal and Necula, George and Paszke, Adam and Vander{P}las, Jake
            and Wanderman-{M}ilne, Skye and Zhang, Qiao},
  title  = {{JAX}: composable transformations of {P}ython+{N}um{P}y programs},
  year   = {2018},
  url    = {https://github.com/jax-ml/jax},
}""",
}

KEYS = tuple(_ENTRIES)


def bibtex(keys: Iterable[str]) -> str:
    """Return the BibTeX entries of the given keys, in their order, parted by empty lines.

    Args:
        keys: any of `KEYS`, such as berthier2023; each counts once.

    Raises:
        ArgumentError: if a key is not known.

    Example:
        >>> print(bibtex(("diffrax",)))
        @phdthesis{diffrax,
          author = {Kidger, Patrick},
          title  = {On neural differential equations},
          school = {University of Oxford},
          year   = {2021},
        }
    """
    wanted = (keys,) if isinstance(keys, str) else tuple(dict.fromkeys(keys))
    for key in wanted:
        if key not in _ENTRIES:
            near = difflib.get_close_matches(str(key), KEYS, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ArgumentError("keys", f"hold known references ({hint}known: {', '.join(KEYS)})", key)
    return "\n\n".join(_ENTRIES[key] for key in wanted)
