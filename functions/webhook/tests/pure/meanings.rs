//! What pushes mean for an environment.

use slipway_domain::Image;
use slipway_domain::triggers::{OnPush, Triggers};
use slipway_webhook::meaning::{Meaning, Pushed, Situation, means};
use slipway_webhook::payload::{CodePush, ImagePush, Reference, Told};

const OWN: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com/devops2-g4-orders-prod";
const COMMIT: &str = "59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5";

fn push(reference: Reference) -> CodePush {
    CodePush {
        reference,
        commit: Some(COMMIT.to_owned()),
        committed_at: None,
        title: None,
        sender: None,
        forced: false,
    }
}

fn branch(name: &str) -> CodePush {
    push(Reference::Branch(name.to_owned()))
}

fn tag(name: &str) -> CodePush {
    push(Reference::Tag(name.to_owned()))
}

fn images(names: &[&str]) -> Told {
    let push = |name: &&str| ImagePush {
        image: name.parse().unwrap(),
        sender: None,
    };
    Told::ImagePushed(names.iter().map(push).collect())
}

fn triggers(push: OnPush) -> Triggers {
    Triggers {
        push,
        ..Triggers::default()
    }
}

/// The image that is to be deployed and for how long it is waited, or why nothing is.
fn meaning(told: &Told, triggers: &Triggers, runs: Option<&str>) -> Result<String, String> {
    let runs: Option<Image> = runs.map(|it| it.parse().unwrap());
    let situation = Situation {
        triggers,
        own: OWN,
        image: runs.as_ref(),
    };
    match means(told, &situation) {
        Meaning::Deploy { image, waits, .. } => {
            let image = image.as_str().replace(OWN, "own");
            Ok(waits.map_or_else(|| image.clone(), |minutes| format!("{image} in {minutes}")))
        }
        Meaning::Pipeline(push) => Ok(format!("pipeline at {}", push.reference.name())),
        Meaning::Ignore(why) => Err(why),
    }
}

fn of_code(pushes: Vec<CodePush>, triggers: &Triggers) -> Result<String, String> {
    meaning(&Told::CodePushed(pushes), triggers, Some("nginx:1"))
}

#[test]
fn a_push_to_a_branch_that_counts_deploys_the_image_of_its_commit_once_it_is_there() {
    let deployed = of_code(vec![branch("main")], &Triggers::default());
    assert_eq!(deployed, Ok(format!("own:{COMMIT} in 30")));
    let other = of_code(vec![branch("parcels")], &Triggers::default());
    assert_eq!(
        other,
        Err("`triggers.branches` has no `parcels`".to_owned())
    );
}

#[test]
fn of_several_branches_the_first_that_counts_is_deployed() {
    let pushes = vec![branch("parcels"), branch("main"), branch("master")];
    assert_eq!(
        of_code(pushes, &Triggers::default()),
        Ok(format!("own:{COMMIT} in 30"))
    );
    let pushes = vec![branch("a"), branch("b"), branch("a")];
    assert_eq!(
        of_code(pushes, &Triggers::default()),
        Err("`triggers.branches` has no `a`; `triggers.branches` has no `b`".to_owned())
    );
}

#[test]
fn the_tag_is_made_of_what_was_pushed_with_a_dash_for_what_no_tag_has() {
    let of = |template: &str, push: CodePush| {
        let triggers = Triggers {
            branches: vec!["*".to_owned()],
            tag: template.to_owned(),
            wait: 5,
            ..Triggers::default()
        };
        of_code(vec![push], &triggers)
    };
    let own = |tag: &str| Ok(format!("own:{tag} in 5"));
    assert_eq!(
        of("{branch}-{short}", branch("feature/Ä b")),
        own("feature---b-59b20b8")
    );
    assert_eq!(of("v{tag}", tag("1.2.0+build")), own("v1.2.0-build"));
    assert_eq!(of("{branch}", branch("-.x")), own("x"));
    assert_eq!(
        of("{branch}", branch(&"x".repeat(300))),
        own(&"x".repeat(128))
    );
    assert!(of("{branch}", branch("..")).is_err());
    let unnamed = CodePush {
        commit: None,
        ..tag("v1")
    };
    assert_eq!(of("{tag}", unnamed.clone()), own("v1"));
    assert_eq!(
        of("{tag}-{sha}", unnamed),
        Err("`triggers.tag` has `{sha}` in it, which this push does not name".to_owned())
    );
}

#[test]
fn what_a_branch_is_called_never_fills_in_another_field() {
    let triggers = Triggers {
        branches: vec!["*".to_owned()],
        tag: "{branch}".to_owned(),
        ..Triggers::default()
    };
    let deployed = of_code(vec![branch("{sha}{tag}")], &triggers);
    assert_eq!(deployed, Ok("own:sha--tag- in 30".to_owned()));
}

#[test]
fn whether_tags_of_git_count_the_template_says() {
    let for_tags = Triggers {
        tag: "{tag}".to_owned(),
        ..Triggers::default()
    };
    assert_eq!(
        of_code(vec![tag("v1")], &for_tags),
        Ok("own:v1 in 30".to_owned())
    );
    assert!(of_code(vec![branch("main")], &for_tags).is_err());
    assert!(of_code(vec![tag("v1")], &Triggers::default()).is_err());
}

#[test]
fn a_pipeline_is_started_by_the_branches_that_count() {
    let pipeline = triggers(OnPush::Pipeline);
    assert_eq!(
        of_code(vec![branch("main")], &pipeline),
        Ok("pipeline at main".to_owned())
    );
    assert!(of_code(vec![branch("parcels")], &pipeline).is_err());
}

#[test]
fn where_images_count_pushes_of_code_do_not() {
    let pushed = of_code(vec![branch("main")], &triggers(OnPush::Image));
    assert!(pushed.unwrap_err().contains("pushes of code start nothing"));
}

#[test]
fn an_image_of_the_repository_that_the_service_runs_or_of_its_own_is_deployed() {
    let of = |pushed: &str, runs: &str| {
        meaning(&images(&[pushed]), &triggers(OnPush::Image), Some(runs))
    };
    let ghcr = "ghcr.io/shop/orders:v2";
    assert_eq!(of(ghcr, "ghcr.io/shop/orders:v1"), Ok(ghcr.to_owned()));
    assert_eq!(of(&format!("{OWN}:v2"), "nginx:1"), Ok("own:v2".to_owned()));
    assert_eq!(
        of(ghcr, "nginx:1"),
        Err(
            "`ghcr.io/shop/orders` is not the repository that the service runs images of, `nginx`"
                .to_owned()
        )
    );
    // Docker Hub's images have several names.
    for same in ["nginx:1", "library/nginx:1", "docker.io/library/nginx:1"] {
        assert_eq!(of("nginx:2", same), Ok("nginx:2".to_owned()), "{same}");
    }
    assert!(of("ghcr.io/library/nginx:2", "nginx:1").is_err());
}

#[test]
fn a_service_that_waits_for_its_first_image_takes_any() {
    let first = images(&["ghcr.io/shop/orders:v1"]);
    for push in [OnPush::Image, OnPush::Tag, OnPush::Pipeline] {
        let meaning = meaning(&first, &triggers(push), None);
        assert_eq!(meaning, Ok("ghcr.io/shop/orders:v1".to_owned()));
    }
}

#[test]
fn images_that_webhooks_name_count_where_the_manifest_says_so_and_under_the_tag_that_is_followed() {
    let v2 = images(&["nginx:v2"]);
    let deployed = |triggers: &Triggers| meaning(&v2, triggers, Some("nginx:v1"));
    assert!(deployed(&Triggers::default()).is_err());
    let follow = |tag: &str| Triggers {
        follow: Some(tag.to_owned()),
        ..triggers(OnPush::Image)
    };
    assert_eq!(deployed(&follow("v*")), Ok("nginx:v2".to_owned()));
    assert_eq!(
        deployed(&follow("latest")),
        Err("`triggers.follow` is `latest`, and the tag `v2`".to_owned())
    );
}

#[test]
fn signatures_that_lie_beside_images_are_not_deployed() {
    let digest = "a".repeat(64);
    for suffix in ["", ".sig", ".att"] {
        let pushed = images(&[&format!("{OWN}:sha256-{digest}{suffix}")]);
        assert!(meaning(&pushed, &triggers(OnPush::Image), None).is_err());
    }
    let own = images(&[&format!("{OWN}:sha256-12")]);
    assert!(meaning(&own, &triggers(OnPush::Image), None).is_ok());
}

#[test]
fn a_ping_is_answered_and_what_tells_nothing_says_why() {
    let default = Triggers::default();
    let of = |told| meaning(&told, &default, None);
    assert_eq!(of(Told::Ping), Err("the webhook works".to_owned()));
    assert_eq!(of(Told::Ignored("so".to_owned())), Err("so".to_owned()));
    assert_eq!(of(Told::CodePushed(Vec::new())), Err(String::new()));
}

#[test]
fn what_was_pushed_goes_with_what_it_means() {
    let told = Told::CodePushed(vec![branch("main")]);
    let triggers = Triggers::default();
    let situation = Situation {
        triggers: &triggers,
        own: OWN,
        image: None,
    };
    let Meaning::Deploy { cause, .. } = means(&told, &situation) else {
        panic!("it is deployed");
    };
    assert_eq!(cause, Pushed::Code(&branch("main")));
}
