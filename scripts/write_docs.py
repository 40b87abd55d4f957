"""Write every page of docs/ that is made from code, and prefect.yaml.

Usage: python -m scripts.write_docs
"""

from __future__ import annotations

from scripts import (
    write_catalogue_docs,
    write_commands_docs,
    write_contract_docs,
    write_deployments_docs,
    write_errors_docs,
    write_operations_docs,
    write_prefect_yaml,
    write_providers_docs,
    write_settings_docs,
)

PAGES = {
    module.PATH: module.text
    for module in (
        write_settings_docs,
        write_errors_docs,
        write_operations_docs,
        write_providers_docs,
        write_catalogue_docs,
        write_deployments_docs,
        write_commands_docs,
        write_contract_docs,
        write_prefect_yaml,
    )
}
"""What each page is written by."""


def main() -> None:
    """Write those that have changed."""
    for path, text in PAGES.items():
        written = text()
        if not path.exists() or path.read_text(encoding="utf-8") != written:
            path.write_text(written, encoding="utf-8")
            print(f"written: {path.name}")


if __name__ == "__main__":
    main()
