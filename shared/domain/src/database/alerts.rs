//! What a database tells people: which alarms it has, and of how much.

use super::{Acu, Database, Engine};
use crate::alarms::{Alarms, Alert};
use crate::manifest::Settings;
use crate::problem::Broken;

/// The most connections that an instance takes, by the most capacity units that it has: for MySQL
/// and for PostgreSQL ("Performance and scaling for Aurora Serverless v2", maximum connections).
const CONNECTIONS: [(u32, u32, u32); 9] = [
    (1, 90, 189),
    (4, 135, 823),
    (8, 1000, 1669),
    (16, 2000, 3360),
    (32, 3000, 5000),
    (64, 4000, 5000),
    (128, 5000, 5000),
    (192, 6000, 5000),
    (256, 6000, 5000),
];

/// The most of PostgreSQL where the least capacity is 0.5 or none (the same page).
const CAPPED: u32 = 2000;

impl Database {
    /// The most connections that an instance takes: those of the next smaller size that AWS has a
    /// number for, so that an alarm comes too early rather than too late.
    pub fn most_connections(&self) -> u32 {
        let sizes = CONNECTIONS.iter().rev();
        let size = sizes.copied().find(|(acus, ..)| Acu::of(*acus) <= self.max);
        let (_, mysql, postgresql) = size.unwrap_or(CONNECTIONS[0]);
        match self.engine {
            Engine::AuroraMysql => mysql,
            Engine::AuroraPostgresql if self.min <= Acu::HALF => postgresql.min(CAPPED),
            Engine::AuroraPostgresql => postgresql,
        }
    }

    /// Whether an alarm can tell anything of this database: one that would always speak, or never,
    /// is not made.
    pub fn tells(&self, alert: Alert, alarms: &Alarms) -> bool {
        match alert {
            Alert::Cpu | Alert::Connections => true,
            // Its least is in use at all hours.
            Alert::Capacity => {
                let mark = self.max.number() * f64::from(alarms.capacity) / 100.0;
                self.min.number() <= mark
            }
            Alert::ReplicaLag => self.readers > 0,
            Alert::Memory
            | Alert::Errors
            | Alert::ResponseTime
            | Alert::Unhealthy
            | Alert::Throttles
            | Alert::Timeout
            | Alert::DeadLetters
            | Alert::FailedRuns => false,
        }
    }
}

/// What is wrong with the alarms of a database.
pub(super) fn broken(settings: &Settings, database: &Database) -> Vec<Broken> {
    let alarms = &settings.alarms;
    let mut broken = crate::alarms::broken(settings);
    for alert in &alarms.on {
        if database.tells(*alert, alarms) {
            continue;
        }
        let name = alert.name();
        let (others, detail): (&[&str], String) = match alert {
            Alert::Capacity => (
                &["/database/min", "/database/max", "/alarms/capacity"],
                format!(
                    "names `{name}`, and the least capacity is more than {} percent of the most: it would always tell, so leave it out, or let the database grow",
                    alarms.capacity
                ),
            ),
            Alert::ReplicaLag => (
                &["/database/readers"],
                format!(
                    "names `{name}`, and there is no reader: leave it out, or set `database.readers`"
                ),
            ),
            _ => (
                &["/kind"],
                format!(
                    "names `{name}`, which no database has: `cpu`, `capacity`, `connections` and `replica_lag` are what it may tell"
                ),
            ),
        };
        broken.push(Broken::unused("/alarms/on", others, detail));
    }
    broken
}

/// What is wrong with alarms of a database where there is none.
pub(super) fn broken_elsewhere(settings: &Settings) -> Vec<Broken> {
    let on = settings.alarms.on.iter();
    on.filter(|alert| alert.is_of_databases())
        .map(|alert| {
            let detail = format!(
                "names `{}`, which only a database tells, and the kind is `{}`",
                alert.name(),
                settings.kind.name()
            );
            Broken::new("/alarms/on", &["/kind"], detail)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(engine: Engine, min: Acu, max: u32) -> Database {
        Database {
            engine,
            min,
            max: Acu::of(max),
            ..Database::default()
        }
    }

    #[test]
    fn an_instance_takes_as_many_connections_as_aws_says() {
        for (max, mysql, postgresql, capped) in [
            (1, 90, 189, 189),
            (3, 90, 189, 189),
            (4, 135, 823, 823),
            (16, 2000, 3360, 2000),
            (256, 6000, 5000, 2000),
        ] {
            let most = |engine, min| database(engine, min, max).most_connections();
            assert_eq!(most(Engine::AuroraMysql, Acu::HALF), mysql, "{max}");
            let large = most(Engine::AuroraPostgresql, Acu::of(1));
            assert_eq!(large, postgresql, "{max}");
            let small = most(Engine::AuroraPostgresql, Acu::NONE);
            assert_eq!(small, capped, "{max}");
        }
    }

    #[test]
    fn an_alarm_that_would_always_tell_tells_nothing() {
        let alarms = Alarms::default();
        let of = |min, max| database(Engine::AuroraMysql, min, max);
        assert!(of(Acu::HALF, 1).tells(Alert::Capacity, &alarms));
        assert!(of(Acu::of(9), 10).tells(Alert::Capacity, &alarms));
        assert!(!of(Acu::of(10), 10).tells(Alert::Capacity, &alarms));
        let alone = Database {
            readers: 0,
            ..Database::default()
        };
        assert!(!alone.tells(Alert::ReplicaLag, &alarms));
        assert!(!alone.tells(Alert::Memory, &alarms));
    }
}
