"""Making a certificate of one's own, and telling keys apart; needs the extra ``c2pa``."""

from __future__ import annotations

from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from studio import clock

_YEARS = timedelta(days=3_650)
_EARLIER = timedelta(hours=1)
"""Clocks of others may be behind."""
_PEM = serialization.Encoding.PEM
_CURVES = {256: "es256", 384: "es384", 521: "es512"}


def algorithm_of(key: str) -> str:
    """Return the algorithm that fits a key in PEM, as C2PA names it; empty where none does."""
    try:
        found = serialization.load_pem_private_key(key.encode(), password=None)
    except (ValueError, TypeError):
        return ""  # what the library says of it may quote the key
    if isinstance(found, ec.EllipticCurvePrivateKey):
        return _CURVES.get(found.curve.key_size, "")
    if isinstance(found, ed25519.Ed25519PrivateKey):
        return "ed25519"
    return "ps256" if isinstance(found, rsa.RSAPrivateKey) else ""


def make() -> tuple[str, str, str]:
    """Make an authority and a certificate that it signs; the authority's key is kept nowhere.

    Returns:
        The authority's certificate, the chain with the certificate first, and its key, as PEM.
    """
    authority, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = (
        _certificate("own authority", authority, authority)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .sign(authority, hashes.SHA256())
    )
    # C2PA 2.1, 14.5: a signer is one for e-mail or for documents; its own library takes the former.
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
    signer = (
        _certificate("own certificate", own, authority)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(purpose, critical=False)
        .sign(authority, hashes.SHA256())
    )
    above = root.public_bytes(_PEM).decode()
    key = own.private_bytes(
        _PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return above, signer.public_bytes(_PEM).decode() + above, key


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not signs,
        crl_sign=not signs,
        encipher_only=False,
        decipher_only=False,
    )


def _certificate(
    what: str, key: ec.EllipticCurvePrivateKey, issuer: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = clock.now()
    public, above = key.public_key(), issuer.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(_name(what))
        .issuer_name(_name("own authority"))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + _YEARS)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(above), critical=False)
    )


def _name(what: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Image Studio"),
            x509.NameAttribute(NameOID.COMMON_NAME, what),
        ]
    )
