"""What the URL, the headers and a form may ask of the local ClickHouse."""

import base64
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from tafol.local.clickhouse.refusals import Refusal, from_engine
from tafol.local.clickhouse.request import Request, read_request

pytestmark = pytest.mark.unit


def read(query: str = "", *, method: str = "POST", form: dict[str, bytes] | None = None, **headers: str) -> Request:
    named = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
    return read_request(method, query, named, form or {})


def refused(query: str = "", form: dict[str, bytes] | None = None, **headers: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(query, form=form, **headers)
    return caught.value


def test_url_is_split_into_options_settings_and_parameters() -> None:
    request = read("query=SELECT+1&database=d&max_threads=2&param_a=x%27y&wait_end_of_query=1&session_id=s&readonly=1")
    assert request.sql == b"SELECT 1"
    assert request.database == "d"
    assert request.settings == (("max_threads", "2"), ("readonly", "1"))
    assert request.parameters == {"a": "x'y"}
    assert request.wait_for_end
    assert request.in_session


def test_a_request_without_anything_has_the_defaults() -> None:
    request = read()
    assert (request.sql, request.database, request.settings, request.parameters) == (b"", None, (), {})
    assert (request.default_format, request.user, request.password) == ("TabSeparated", "default", "")
    assert (request.content_encoding, request.answer_encoding, request.protocol_version) == ("", None, 0)


def test_only_post_may_write() -> None:
    assert read().may_write
    assert not read(method="GET").may_write


def test_query_bytes_that_are_not_utf8_arrive_as_they_are() -> None:
    assert read("query=" + quote(b"SELECT '\xff\x00\xc3'")).sql == b"SELECT '\xff\x00\xc3'"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_parameters_arrive_as_they_are(value: str) -> None:
    assert read(urlencode({"param_p": value})).parameters == {"p": value}


def test_parameters_come_from_a_form_too() -> None:
    request = read("database=d", form={"query": b"SELECT {a:String}", "param_a": "é'".encode()})
    assert request.sql == b"SELECT {a:String}"
    assert request.parameters == {"a": "é'"}


def test_credentials_in_order_of_precedence() -> None:
    basic = "Basic " + base64.b64encode(b"u:p:q").decode()
    seen = [
        read("user=x&password=y", Authorization=basic, X_ClickHouse_User="h"),
        read("user=x&password=y", X_ClickHouse_User="h", X_ClickHouse_Key="k"),
        read("user=x&password=y"),
    ]
    assert [(request.user, request.password) for request in seen] == [("u", "p:q"), ("h", "k"), ("x", "y")]


def test_a_password_is_not_shown_by_repr() -> None:
    assert "secret" not in repr(read("user=x&password=secret"))


def test_headers_say_what_the_url_does_not() -> None:
    request = read(X_ClickHouse_Database="d", X_ClickHouse_Format="JSON", Accept_Encoding="gzip;q=0, zstd")
    assert (request.database, request.default_format, request.answer_encoding) == ("d", "JSON", "zstd")
    request = read(
        "database=u&default_format=CSV&enable_http_compression=0", X_ClickHouse_Database="d", Accept_Encoding="lz4"
    )
    assert (request.database, request.default_format, request.answer_encoding) == ("u", "CSV", None)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("compress=1", 48),
        ("decompress=1", 48),
        ("role=admin", 48),
        ("a%3D1%2C+b=2", 115),
        ("max%20threads=2", 115),
        ("default_format=TSV%0D%0AX-Evil%3A+1", 73),
        ("query_id=a%0D%0AX-Evil%3A+1", 36),
        ("param_a%60b=1", 36),
        ("param_a=%FF", 36),
        ("database=%FF", 36),
        ("client_protocol_version=many", 36),
    ],
)
def test_what_can_not_be_is_refused_with_a_code(query: str, code: int) -> None:
    assert refused(query).code == code


def test_authorization_that_can_not_be_read_is_refused() -> None:
    assert refused(Authorization="Basic !!!").code == 36
    assert refused(Authorization="Bearer abc").code == 48


def test_engine_errors_keep_their_number_and_name() -> None:
    refusal = from_engine("Streaming query failed: Code: 60. DB::Exception: Unknown table (x). (UNKNOWN_TABLE)")
    assert (refusal.code, refusal.name, refusal.status) == (60, "UNKNOWN_TABLE", 404)
    assert refusal.text("26.9") == "Code: 60. DB::Exception: Unknown table (x). (UNKNOWN_TABLE) (version 26.9)\n"
    assert from_engine("").code == 1002
