//! How traffic moves from one version of a function to the next: the manifest's `deploy`, as far as
//! a function has it.
//!
//! With `rolling` the alias goes to the new version at once. With `canary` and `linear` CodeDeploy
//! moves it, by the same numbers as ECS moves the traffic of tasks. What ECS does and CodeDeploy
//! does not is refused here: no version is kept on when all traffic has moved, and nobody is waited
//! for.

use crate::manifest::{Kind, Settings};
use crate::platform::Platform;
use crate::problem::Broken;
use crate::strategy::{Deploy, OwnAlarm, Strategy, too_long, twice};

/// What is wrong with a function's `deploy`.
pub(crate) fn broken(settings: &Settings) -> Vec<Broken> {
    let deploy = &settings.deploy;
    let mut broken = unused(deploy);
    if deploy.strategy == Strategy::BlueGreen {
        let detail = "is `blue-green`, which starts new tasks beside the old ones, and a function has none: `canary`, `linear`, or `rolling`, with which all calls go to the new version at once, would be right";
        broken.push(Broken::new(
            "/deploy/strategy",
            &["/kind"],
            detail.to_owned(),
        ));
    }
    broken.extend(at_once(deploy));
    broken.extend(alarms(deploy));
    broken.extend(too_long(settings));
    broken.extend(twice(deploy));
    broken
}

/// Fields that a function, or its strategy, does not use.
fn unused(deploy: &Deploy) -> Vec<Broken> {
    let default = Deploy::default();
    let is_other = |strategy| deploy.strategy != strategy;
    let counts = "counts tasks, and the kind is `function`";
    let bake =
        "is how long old tasks run on, and of a function all calls go to the new version then";
    let pause = "waits for somebody to promote a deployment, and CodeDeploy, which moves the calls of a function, waits for nobody";
    let canary = is_other(Strategy::Canary) && deploy.canary != default.canary;
    let linear = is_other(Strategy::Linear) && deploy.linear != default.linear;
    let fewest = deploy.minimum_healthy != default.minimum_healthy;
    let breaker = deploy.circuit_breaker != default.circuit_breaker;
    [
        ("/deploy/bake", deploy.bake != default.bake, bake),
        ("/deploy/pause", deploy.pause.is_some(), pause),
        ("/deploy/canary", canary, "is for the strategy `canary`"),
        ("/deploy/linear", linear, "is for the strategy `linear`"),
        ("/deploy/minimum_healthy", fewest, counts),
        ("/deploy/maximum", deploy.maximum != default.maximum, counts),
        ("/deploy/circuit_breaker", breaker, counts),
    ]
    .into_iter()
    .filter(|(_, is_said, _)| *is_said)
    .map(|(pointer, _, why)| {
        let others = ["/deploy/strategy", "/kind"];
        Broken::unused(pointer, &others, format!("{why}: leave it out"))
    })
    .collect()
}

/// CodeDeploy waits between two steps, and counts whole minutes.
fn at_once(deploy: &Deploy) -> Option<Broken> {
    let (pointer, minutes) = match deploy.strategy {
        Strategy::Rolling | Strategy::BlueGreen => return None,
        Strategy::Canary => ("/deploy/canary/bake", deploy.canary.bake),
        Strategy::Linear => ("/deploy/linear/bake", deploy.linear.bake),
    };
    let detail = "is 0, and CodeDeploy, which moves the calls of a function, waits for a minute or more between two steps: 1 would be right, or the strategy `rolling`, which moves all at once";
    (minutes == 0).then(|| Broken::new(pointer, &["/deploy/strategy", "/kind"], detail.to_owned()))
}

/// What ends a deployment: calls of the new version that fail, or take long.
fn alarms(deploy: &Deploy) -> Vec<Broken> {
    let others = ["/deploy/strategy", "/kind"];
    if deploy.strategy == Strategy::Rolling && !deploy.alarms.is_empty() {
        let detail = "end a deployment while traffic moves, and with `rolling` all calls of a function go to the new version at once: `canary` or `linear` would be right, or no alarms";
        return vec![Broken::new("/deploy/alarms", &others, detail.to_owned())];
    }
    let of_tasks = deploy.alarms.iter().filter(|own| own.is_of_tasks());
    of_tasks
        .map(|own| {
            let detail = format!(
                "names `{}`, which ECS measures of tasks, and the kind is `function`: `errors` or `response_time` would be right",
                own.name()
            );
            Broken::new("/deploy/alarms", &others, detail)
        })
        .collect()
}

/// Alarms of a function, where there is none.
pub(crate) fn alarms_elsewhere(settings: &Settings) -> Vec<Broken> {
    let own: Vec<&OwnAlarm> = settings.deploy.alarms.iter().collect();
    let of_functions = own.into_iter().filter(|own| !own.is_of_tasks());
    of_functions
        .map(|own| {
            let detail = format!(
                "names `{}`, which is measured of a function's versions, and the kind is `{}`: `cpu` or `memory` would be right",
                own.name(),
                settings.kind.name()
            );
            Broken::new("/deploy/alarms", &["/kind"], detail)
        })
        .collect()
}

impl Settings {
    /// Whether CodeDeploy moves the traffic: the service is a function, and its traffic does not
    /// move at once.
    pub fn shifts_versions(&self) -> bool {
        self.kind == Kind::Function && self.deploy.strategy.shifts()
    }

    /// Whether ECS moves the traffic, between two target groups.
    pub fn shifts_tasks(&self) -> bool {
        self.kind.has_service() && self.deploy.strategy.shifts()
    }
}

/// What the platform lacks to move the traffic of a function.
pub(crate) fn missing(settings: &Settings, platform: &Platform) -> Option<&'static str> {
    (settings.shifts_versions() && platform.shift_role.is_empty()).then_some(
        "moves the traffic of a function in steps, and this platform is of a version that moves it at once: `rolling` would be right until the platform is updated",
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};
    use serde_json::{Value, json};

    use crate::strategy::MAX_ROLLOUT_MINUTES;
    use crate::{Manifest, Platform, expected_rollout_minutes};

    fn read(deploy: &Value) -> Result<Manifest, Vec<String>> {
        let manifest = json!({"service": "a", "kind": "function", "deploy": deploy});
        Manifest::read(&manifest)
            .map_err(|found| found.problems.into_iter().map(|it| it.pointer).collect())
    }

    #[test]
    fn a_function_moves_its_traffic_at_once_in_two_steps_or_in_equal_ones() {
        let minutes = |deploy: Value| {
            let manifest = read(&deploy).unwrap();
            expected_rollout_minutes(&manifest.settings)
        };
        assert_eq!(minutes(json!({})), 0);
        assert_eq!(minutes(json!({"strategy": "rolling"})), 0);
        assert_eq!(minutes(json!({"strategy": "canary"})), 10);
        assert_eq!(minutes(json!({"strategy": "linear"})), 54);
        let alarms = json!({"strategy": "canary", "alarms": ["errors", "response_time"]});
        assert_eq!(minutes(alarms), 10);
    }

    #[test]
    fn what_codedeploy_cannot_do_is_refused_with_its_field() {
        let refused = |deploy: Value| read(&deploy).unwrap_err();
        let pause = json!({"strategy": "canary", "pause": 10});
        assert_eq!(refused(pause), ["/deploy/pause"]);
        let bake = json!({"strategy": "linear", "bake": 10});
        assert_eq!(refused(bake), ["/deploy/bake"]);
        assert_eq!(
            refused(json!({"strategy": "blue-green"})),
            ["/deploy/strategy"]
        );
        let at_once = json!({"strategy": "canary", "canary": {"bake": 0}});
        assert_eq!(refused(at_once), ["/deploy/canary/bake"]);
        let at_once = json!({"strategy": "linear", "linear": {"bake": 0}});
        assert_eq!(refused(at_once), ["/deploy/linear/bake"]);
        let counts = json!({
            "minimum_healthy": 50, "maximum": 150, "circuit_breaker": {"failures": 3},
            "linear": {"percent": 50},
        });
        let expected = [
            "/deploy/circuit_breaker",
            "/deploy/linear",
            "/deploy/maximum",
            "/deploy/minimum_healthy",
        ];
        assert_eq!(refused(counts), expected);
        let hours = json!({"strategy": "linear", "linear": {"percent": 5, "bake": 60}});
        assert_eq!(refused(hours), ["/deploy"]);
    }

    #[test]
    fn a_deployment_of_a_function_ends_on_what_is_measured_of_its_versions() {
        let of_tasks = json!({"strategy": "canary", "alarms": ["cpu"]});
        assert_eq!(read(&of_tasks).unwrap_err(), ["/deploy/alarms"]);
        let at_once = json!({"alarms": ["errors"]});
        assert_eq!(read(&at_once).unwrap_err(), ["/deploy/alarms"]);
        let twice = json!({"strategy": "canary", "alarms": ["errors", "errors"]});
        assert_eq!(read(&twice).unwrap_err(), ["/deploy/alarms"]);
        let web = json!({"service": "a", "deploy": {"strategy": "canary", "alarms": ["errors"]}});
        let problems = Manifest::read(&web).unwrap_err().problems;
        assert_eq!(problems[0].pointer, "/deploy/alarms");
    }

    #[test]
    fn a_platform_of_an_earlier_version_moves_all_at_once() {
        let mut platform = Platform::sample();
        let read_on = |strategy: &str, platform: &Platform| {
            let deploy = json!({"strategy": strategy});
            let manifest = json!({"service": "a", "kind": "function", "deploy": deploy});
            Manifest::read_on(&manifest, platform)
        };
        assert!(read_on("canary", &platform).is_ok());
        platform.shift_role.clear();
        let problems = read_on("canary", &platform).unwrap_err().problems;
        assert_eq!(problems[0].pointer, "/deploy");
        assert!(read_on("rolling", &platform).is_ok());
    }

    proptest! {
        #[test]
        fn what_is_allowed_never_takes_longer_than_an_update_may(
            percent in 3_u32..=99, bake in 1_u32..=1440, linear: bool,
        ) {
            let strategy = if linear { "linear" } else { "canary" };
            let step = json!({"percent": percent, "bake": bake});
            let deploy = json!({"strategy": strategy, strategy: step});
            let waits = if linear { 100_u32.div_ceil(percent) - 1 } else { 1 };
            prop_assert_eq!(read(&deploy).is_ok(), waits * bake <= MAX_ROLLOUT_MINUTES);
        }
    }
}
