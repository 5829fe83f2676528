//! `slipway watch`.

use super::shop::{pushed_to, shop};
use super::*;

#[test]
fn the_present_deployment_is_shown_to_its_end() {
    let mock = shop(&["orders"], &[]);
    let program = Program::new();
    let ran = run_on(&program, &mock, &["watch", "orders", "--once"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(0), "https://a.example/orders\n"),
        "{ran:?}"
    );
    assert_eq!(
        ran.err,
        "    0.0s  orders/prod  nginx:1, generation 1; deployment 01K00000000000000000000001\n    \
         0.0s  orders/prod  accepted\n    \
         4.0s  orders/prod  ready: Runs with 2 of 2 tasks.\n"
    );
}

#[test]
fn a_failure_that_is_watched_exits_with_1() {
    let mock = shop(&["orders"], &["orders"]);
    let program = Program::new();
    let deploy = ["deploy", "orders", "--image", "nginx:2", "--no-wait"];
    run_on(&program, &mock, &deploy);
    let ran = run_on(
        &program,
        &mock,
        &["watch", "orders", "--once", "--env", "prod"],
    );
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
    let nobody = run_on(&program, &mock, &["watch", "nobody"]);
    assert_eq!(
        (nobody.code, nobody.err.as_str()),
        (Some(1), "error: there is no service `nobody`\n")
    );
}

#[cfg(unix)]
#[test]
fn what_comes_after_is_shown_too_until_ctrl_c() {
    let mock = pushed_to(4);
    let program = Program::new();
    let mut child = on(&program, &mock, &["watch", "orders", "--env", "prod"])
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut lines = lines.map(Result::unwrap);
    let pushed = "    0.0s  orders/prod  nginx:2, generation 2, pushed: main@1a2b3c4 Fix the cart; deployment 01K00000000000000000000002";
    assert!(lines.any(
        |line| line == "nothing is under way; the next deployment is waited for, until Ctrl-C"
    ));
    assert!(lines.any(|line| line == pushed));
    assert!(lines.any(|line| line.contains("Runs with 2 of 2 tasks.")));
    assert!(lines.any(|line| line.starts_with("nothing is under way")));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(
        lines.last().unwrap(),
        "Nobody watches any more; what is under way goes on."
    );
}
