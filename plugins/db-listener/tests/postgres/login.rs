//! Ways to connect and to log in.

use testkit::{Authority, Postgres};
use tidegate_db_listener::source::Failure;

use crate::support::{Listener, settings_at};

fn with_table() -> Postgres {
    let postgres = Postgres::start();
    postgres.sql("postgres", "create table t (id int primary key)");
    postgres
}

fn hears(postgres: &Postgres, url: &str) {
    let listener = Listener::start(settings_at(url, &["t"]));
    postgres.sql("postgres", "delete from t; insert into t values (1)");
    assert!(listener.take(1)[0].shape.table.table == "t", "{url}");
}

#[test]
fn passwords_of_every_kind_are_taken_and_a_wrong_one_is_told_without_it() {
    let postgres = with_table();
    let roles = "create role scram login superuser password 'p:/@ é';
        set password_encryption = 'md5'; create role md5 login superuser password 'hush'; create role clear login superuser password 'hush'";
    postgres.sql("postgres", roles);
    let access = [
        "local all all trust",
        "host all scram all scram-sha-256",
        "host all md5 all md5",
        "host all clear all password",
    ];
    postgres.access(&format!("{}\nhost all postgres all trust\n", access.join("\n")));
    let port = postgres.port();
    for (user, password) in [("scram", "p%3A%2F%40%20%C3%A9"), ("md5", "hush"), ("clear", "hush")] {
        hears(&postgres, &format!("postgres://{user}:{password}@127.0.0.1:{port}/postgres"));
        let wrong = format!("postgres://{user}:wrong-one@127.0.0.1:{port}/postgres");
        let listener = Listener::launch(settings_at(&wrong, &["t"]));
        let failure = listener.wait_for_failure("password authentication failed");
        assert!(matches!(&failure, Failure::Lasting(text) if !text.contains("wrong-one")), "{failure}");
    }
    let none = format!("postgres://scram@127.0.0.1:{port}/postgres");
    Listener::launch(settings_at(&none, &["t"])).wait_for_failure("asks for a password of scram");
}

#[test]
fn a_unix_socket_will_do() {
    let postgres = with_table();
    let folder = postgres.folder().display();
    hears(&postgres, &format!("postgres:///postgres?host={folder}&port={}&user=postgres", postgres.port()));
}

#[test]
fn tls_is_as_strict_as_its_mode() {
    let (authority, other) = (Authority::new("ours"), Authority::new("other"));
    let mut postgres = with_table();
    let url =
        |host: &str, rest: &str| format!("postgres://postgres@{host}:{}/postgres?{rest}", postgres.port());
    let plain = url("localhost", "sslmode=require");
    let listener = Listener::launch(settings_at(&plain, &["t"]));
    assert!(matches!(listener.wait_for_failure("does not speak TLS"), Failure::Lasting(_)));
    drop(listener);
    let (ours, others) = (authority.file(), other.file());
    let cases = [
        (url("localhost", "sslmode=require"), true),
        (url("localhost", "sslmode=prefer"), true),
        (url("localhost", &format!("sslmode=verify-full&sslrootcert={}", ours.display())), true),
        (url("127.0.0.1", &format!("sslmode=verify-ca&sslrootcert={}", ours.display())), true),
        (url("127.0.0.1", &format!("sslmode=verify-full&sslrootcert={}", ours.display())), false),
        (url("localhost", &format!("sslmode=verify-ca&sslrootcert={}", others.display())), false),
        (url("localhost", &format!("sslmode=require&sslrootcert={}", others.display())), false),
        (url("localhost", "sslmode=verify-full"), false),
    ];
    postgres.tls(&authority.issue("server", &["localhost"], |_| {}));
    postgres.restart();
    postgres.access("local all all trust\nhostssl all all all trust\nhostnossl all all 127.0.0.1/32 trust\n");
    for (url, well) in cases {
        if well {
            let listener = Listener::start(settings_at(&url, &["t"]));
            let secret = "select bool_and(ssl) from pg_stat_ssl join pg_stat_replication using (pid)";
            assert_eq!(postgres.sql("postgres", secret), "t", "{url}");
            drop(listener);
        } else {
            let failure = Listener::launch(settings_at(&url, &["t"])).wait_for_failure("TLS with PostgreSQL");
            assert!(
                matches!(&failure, Failure::Lasting(text) if text.contains("certificate")),
                "{url}: {failure}"
            );
        }
    }
}
