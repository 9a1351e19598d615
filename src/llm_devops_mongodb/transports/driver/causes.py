"""What the driver's texts tell of a connection that was not made or broke: the cause, and how long was waited."""

from __future__ import annotations

import re
from datetime import timedelta

_MAX_LENGTH = 300
_CONFIGURED = re.compile(r" ?\(configured timeouts: [^()]*\)")
_SECONDS = re.compile(r"(?:, Timeout: |\btimeout: )([0-9.]+)")
_MILLISECONDS = re.compile(r"\b(?:timeoutMS|socketTimeoutMS): ([0-9.]+)ms")
_NO_RECORD = ("DNS", "resolution lifetime expired", "nameservers failed")
_TLS_CAUSES = {
    "Hostname mismatch": "the server's certificate is for another host name",
    "IP address mismatch": "the server's certificate is for another address",
    "certificate has expired": "the server's certificate has expired",
    "self-signed certificate": "the server's certificate is self-signed; name its authority in tls.ca_file",
    "self signed certificate": "the server's certificate is self-signed; name its authority in tls.ca_file",
    "unable to get local issuer": "the server's certificate is of an unknown authority; name it in tls.ca_file",
    "CERTIFICATE_VERIFY_FAILED": "the server's certificate could not be verified",
    "WRONG_VERSION_NUMBER": "the server does not speak TLS on this port",
    "certificate required": "the server asks for a client certificate: tls.cert_file",
}


def cause_in(text: str) -> str:
    """Return the driver's account without its configured timeouts, its topology and the server's whole reply."""
    text = _CONFIGURED.sub("", text.partition(", full error: ")[0])
    return text.partition(", Timeout: ")[0][:_MAX_LENGTH]


def tls_cause_in(text: str) -> str:
    """Return what a person has to mend, from the text of a TLS failure."""
    for sign, cause in _TLS_CAUSES.items():
        if sign in text:
            return cause
    return "the handshake failed; is the server's port a TLS port, and are the certificates right?"


def is_missing_record(text: str) -> bool:
    """Tell whether the driver's text is about a host's SRV record that was not found."""
    return any(sign in text for sign in _NO_RECORD)


def waited_in(text: str) -> timedelta | None:
    """Return how long the driver waited for a server or a connection, where its text tells."""
    found = _SECONDS.search(text)
    return None if found is None else timedelta(seconds=float(found[1].rstrip(".")))


def time_limit_in(text: str) -> timedelta | None:
    """Return the limit of the operation, or of one exchange with the server, where the driver's text tells."""
    found = _MILLISECONDS.search(text)
    return None if found is None else timedelta(milliseconds=float(found[1]))
