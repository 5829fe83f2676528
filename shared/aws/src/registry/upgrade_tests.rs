//! What is sent to the table of upgrades.

use slipway_control::ports::UpgradeStore;
use slipway_control::upgrade::{Limits, Upgrade, UpgradeRecord};

use super::tests::{Table, now, seen};

#[tokio::test]
async fn an_upgrade_is_written_under_the_version_that_was_read_and_gets_the_next() {
    let table = Table::default();
    let limits = Limits {
        at_once: 1,
        max_failures: 1,
    };
    let record = |version| UpgradeRecord {
        version,
        upgrade: Upgrade::begin("first", limits, now()),
    };
    let registry = table.registry();
    registry
        .store_upgrade(&record(0), Some(&seen()), now())
        .await
        .unwrap();
    let upgrade = table.part("PLATFORM#upgrade");
    assert_eq!(upgrade.condition(), "attribute_not_exists(PK)");
    let key = table.part("SEEN#");
    assert_eq!(
        key.condition(),
        "attribute_not_exists(PK) OR expires_at < :now"
    );
    registry
        .store_upgrade(&record(7), None, now())
        .await
        .unwrap();
    let upgrade = table.part("PLATFORM#upgrade");
    assert_eq!(upgrade.condition(), "version = :version");
    assert_eq!(upgrade.value(":version"), "7");
    assert_eq!(upgrade.0["Item"]["version"]["N"], "8");
}
