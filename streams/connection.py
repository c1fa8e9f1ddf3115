"""How to reach the broker, said once and put into the words of the three clients (aiokafka, Faust, kafka-python)."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer


@dataclass(frozen=True, slots=True)
class Connection:
    """`bootstrap`: host:port[,host:port...]. With `username`, SASL is used; with `tls`, the connection is encrypted."""

    bootstrap: str
    tls: bool = False
    ca_file: str | None = None
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    username: str | None = None
    password: str | None = None

    @property
    def protocol(self) -> str:
        return ("SASL_" if self.username else "") + ("SSL" if self.tls else "PLAINTEXT")

    def ssl_context(self) -> ssl.SSLContext | None:
        return ssl.create_default_context(cafile=self.ca_file) if self.tls else None

    def aiokafka(self) -> dict[str, Any]:
        """Arguments of aiokafka's clients."""
        sasl = {
            "sasl_mechanism": self.mechanism,
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
        }
        return {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": self.protocol,
            "ssl_context": self.ssl_context(),
            **(sasl if self.username else {}),
        }

    def kafka_python(self) -> dict[str, Any]:
        """Arguments of kafka-python's clients, which know the same words."""
        return {**self.aiokafka(), "bootstrap_servers": self.bootstrap.split(",")}

    def faust(self) -> dict[str, Any]:
        """Settings of a Faust app."""
        import faust  # noqa: PLC0415 - a second's work, which only workers need

        urls = ";".join(f"tafol://{address}" for address in self.bootstrap.split(","))
        credentials: Any = None
        if self.username:
            credentials = faust.SASLCredentials(
                username=self.username, password=self.password, mechanism=self.mechanism, ssl_context=self.ssl_context()
            )
        elif self.tls:
            credentials = faust.SSLCredentials(context=self.ssl_context())
        return {"broker": urls, **({"broker_credentials": credentials} if credentials else {})}

    def log_reader(self) -> AIOKafkaConsumer:
        """A consumer outside any group, for reading a log from an offset to its end."""
        from aiokafka import AIOKafkaConsumer  # noqa: PLC0415 - as above

        return AIOKafkaConsumer(
            **self.aiokafka(),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=8 * 1024 * 1024,
            fetch_max_wait_ms=50,
        )
