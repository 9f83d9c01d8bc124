"""Database URLs: no password is ever shown, whatever the URL is."""

from __future__ import annotations

import pytest

from tcn_search.storage.urls import shown_url, without_password


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:///runs/studies.db", "sqlite:///runs/studies.db"),
        ("sqlite:///é a%20b@c:d.db?timeout=3", "sqlite:///é a%20b@c:d.db?timeout=3"),
        ("mysql+pymysql://ann:s3cret@db:3306/x", "mysql+pymysql://ann:***@db:3306/x"),
        ("postgresql://ann:s%40cret@host/db", "postgresql://ann:***@host/db"),
        ("postgresql://ann@server:secret@host/db", "postgresql://ann%40server:***@host/db"),
        ("postgresql://ann:my secret@host/db", "postgresql://ann:***@host/db"),
        ("postgresql://ann:se/cret@host/db", "postgresql://ann:***@host/db"),
        ("postgresql://ann:se?cret@host/db", "postgresql://ann:***@host/db?***"),
        ("postgresql://ann:se:cret@host/db", "postgresql://ann:***@host/db"),
        ("postgresql://postgres:postgres@host/db", "postgresql://postgres:***@host/db"),
        ("postgresql://ann:a@host/data", "postgresql://ann:***@host/data"),
        ("postgresql://ann:secret@[::1]:5432/db", "postgresql://ann:***@[::1]:5432/db"),
        ("redis://:secret@host/0", "redis://:***@host/0"),
        ("sqlite+pysqlcipher://:secret@/x.db", "sqlite+pysqlcipher://:***@/x.db"),
    ],
)
def test_the_password_of_a_user_is_hidden(url: str, shown: str) -> None:
    assert shown_url(url) == shown
    assert without_password(f"cannot open {url}, really", url) == f"cannot open {shown}, really"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://host/db?sslmode=require", "postgresql://host/db?***"),
        ("postgresql://host/db?passphrase=my secret&sslmode=require", "postgresql://host/db?***"),
        ("mysql://host/db?user=ann&password=secret&ssl=1", "mysql://host/db?***"),
        ("mysql://host/db?secret", "mysql://host/db?***"),
        ("sqlite+libsql://host/?authToken=secret", "sqlite+libsql://host/?***"),
        ("mssql+pyodbc:///?odbc_connect=PWD%3Dsecret%3BUID%3Dann", "mssql+pyodbc:///?***"),
        ("mssql+pyodbc:///?odbc_connect=UID=ann;PWD={se cret}", "mssql+pyodbc:///?***"),
    ],
)
def test_options_of_servers_are_dropped(url: str, shown: str) -> None:
    assert shown_url(url) == shown
    assert without_password(f"cannot open {url}", url) == f"cannot open {shown}"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", ""),
        ("runs/studies.db", "runs/studies.db"),
        ("postgresql:/ann:secret@host/db", "postgresql:***"),
        ("postgresql:ann:secret@host/db", "postgresql:***"),
        ("ann:secret@host", "ann:***"),
        ("secret@host", "***"),
        ("my secret:ann@host", "***"),
        ("host=db password=secret", "***"),
        ("postgresql://ann:secret@host:54x/db", "postgresql://***"),
        # An @ that is not escaped: SQLAlchemy takes the rest of the password for the host.
        ("postgresql://ann:s@ecret@host/db", "postgresql://***"),
        ("postgresql://ann:a@b/secret@host/db", "postgresql://***"),
        ("postgresql:///ann:secret@host/db", "postgresql://***"),
        ("postgresql://ann\udcff:secret@host/db", "postgresql://***"),
    ],
)
def test_a_url_that_sqlalchemy_misreads_is_cut(url: str, shown: str) -> None:
    assert shown_url(url) == shown


@pytest.mark.parametrize(
    ("url", "text", "shown"),
    [
        (
            "postgresql://ann:my%20secret@host/db",
            "wrong: my secret, my%20secret, my+secret for ann",
            "wrong: ***, ***, *** for ann",
        ),
        ("postgresql://ann:s%2fcret@host/db", "s/cret s%2fcret s%2Fcret", "*** *** ***"),
        ("postgresql://ann:a@host/data", "no data for a", "no data for ***"),
        ("mysql://host/db?user=ann&password=my+secret", "(ann, 'my secret')", "(***, '***')"),
        ("mysql://host/db?ssl=x&ssl=y", "neither x nor y", "neither *** nor ***"),
        (
            "mssql+pyodbc:///?odbc_connect=UID%3Dann%3BPWD%3D%7Bse%3Dcret%7D%3BEncrypt%3Dyes",
            "UID=ann;PWD={se=cret};Encrypt=yes: login failed with se=cret",
            "***: login failed with ***",
        ),
        (
            "sqlite:///runs/studies.db?timeout=3",
            "no table after 3 s in runs/studies.db",
            "no table after 3 s in runs/studies.db",
        ),
    ],
)
def test_secrets_in_a_drivers_text_are_replaced(url: str, text: str, shown: str) -> None:
    assert without_password(text, url) == shown
