"""A build backend that builds nothing.

`pip download` asks a source package's backend for its metadata before it saves the file. The real backends of the
packages in engines.lock would need compilers and further downloads for that, and prot wants only the verified archive.
This one answers from PKG-INFO, so no code of the package runs.
"""
import os
from email.parser import HeaderParser
from typing import Any, List


def get_requires_for_build_wheel(_settings: Any = None) -> List[str]:
    return []


def prepare_metadata_for_build_wheel(folder: str, _settings: Any = None) -> str:
    with open("PKG-INFO", encoding="utf-8") as f:
        info = HeaderParser().parse(f)
    name, version = info["Name"], info["Version"]
    dist_info = f"{name.replace('-', '_')}-{version}.dist-info"
    os.makedirs(os.path.join(folder, dist_info))
    with open(os.path.join(folder, dist_info, "METADATA"), "w", encoding="utf-8") as f:
        f.write(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return dist_info
