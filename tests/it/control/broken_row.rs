//! Status 500: a row that nobody can read. The caller is told in JSON, nothing is changed, and the
//! gateway goes on.

use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

use super::desk::{ENDPOINTS, MASK, START_SCREEN, STOP_SCREEN, Scene, answered, done};
use crate::gateway::{Gateway, block_on};

/// Changes rows beside the gateway.
fn write(gateway: &Gateway, text: &str) {
    let url = format!("sqlite:{}", gateway.data().join("catalog.sqlite").display());
    block_on(async {
        let mut connection = SqliteConnection::connect(&url).await.expect("the catalogue");
        let query = sqlx::query(AssertSqlSafe(text.to_owned()));
        query.execute(&mut connection).await.expect(text);
        connection.close().await.expect("a closed catalogue");
    });
}

#[test]
fn a_row_that_cannot_be_read_is_500_on_every_endpoint_and_passes() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    let session = answered(&scene.desk.ask(START_SCREEN, "userId=7&recordingDuration=3000"), 200);
    let contact = session["contactId"].to_string();
    write(&scene.gateway, "UPDATE interactions SET demand = 'nonsense ' || demand");
    for (endpoint, more) in ENDPOINTS {
        let more =
            if endpoint == STOP_SCREEN { format!("&contactId={contact}") } else { more.to_owned() };
        let answer = scene.desk.ask(endpoint, &format!("userId=7{more}"));
        assert_eq!(answer.status, 500, "{endpoint}");
        let body = answer.json();
        assert_eq!(body["internalCode"], "INTERNAL", "{endpoint}");
        for name in ["message", "description", "httpStatus"] {
            assert!(body[name].is_string(), "{endpoint}: {body}");
        }
        assert!(!body.to_string().contains("nonsense"), "the row is told: {body}");
    }
    write(&scene.gateway, "UPDATE interactions SET demand = replace(demand, 'nonsense ', '')");
    scene.desk.is("7", "Recording", "Policy");
    done(&scene.desk.ask(MASK, "userId=7"), 200);
}
