//! What a service wants of one of its stacks.

use jiff::Timestamp;
use slipway_domain::{Effective, Platform, Scope};
use slipway_synth::{RunState, Template, sha256};
use ulid::Ulid;

use crate::places::place_of;
use crate::record::{ServiceRecord, ServiceState, StackRecord, Verdict};

/// What is wanted of a stack.
#[derive(Debug, Clone, PartialEq)]
pub enum Desired {
    /// It is to go, with its record.
    Absent {
        /// The service's generation.
        generation: u64,
    },
    /// It stays as it is for now: the service goes, but other stacks of it must go first.
    Held,
    /// There is no such stack of it, and is to be none: its environments share nothing.
    NoStack {
        /// The service's generation.
        generation: u64,
    },
    /// There is nothing to run yet.
    Waiting {
        /// The service's generation.
        generation: u64,
    },
    /// The newest deployment cannot succeed: it stays as it is.
    Refused {
        /// The service's generation.
        generation: u64,
        /// Why, for people.
        reasons: String,
    },
    /// The newest deployment waits for something: until then it stays as it is.
    Awaiting {
        /// The service's generation.
        generation: u64,
        /// For what, for people.
        what: String,
        /// Until when.
        until: Timestamp,
    },
    /// It is to be as these templates say.
    Present(Box<Target>),
}

/// What a stack is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// The service's generation.
    pub generation: u64,
    /// What the stack is created from.
    pub creation: Template,
    /// What the stack is updated to: without what others than the template change.
    pub steady: Template,
    /// The digest of both, which the stack carries as an output.
    pub digest: String,
    /// Whether ECS has the last word.
    pub rolls_out: bool,
    /// Whether its deployments wait to be promoted.
    pub pauses: bool,
    /// Whether the control plane puts right what somebody changed by hand.
    pub repair: bool,
}

impl Desired {
    /// The generation that is wanted, where one is.
    pub fn generation(&self) -> Option<u64> {
        match self {
            Self::Held => None,
            Self::Absent { generation }
            | Self::NoStack { generation }
            | Self::Waiting { generation }
            | Self::Refused { generation, .. }
            | Self::Awaiting { generation, .. } => Some(*generation),
            Self::Present(target) => Some(target.generation),
        }
    }

    /// What is wanted is what was wanted at this generation.
    pub fn stay_at(&mut self, former: u64) {
        match self {
            Self::Waiting { generation }
            | Self::Refused { generation, .. }
            | Self::Awaiting { generation, .. } => *generation = former,
            Self::Present(target) => target.generation = former,
            // What goes is tried anew.
            Self::Absent { .. } | Self::Held | Self::NoStack { .. } => {}
        }
    }

    /// Whether what is there matters to what is done.
    pub fn is_looked_at(&self) -> bool {
        match self {
            Self::Absent { .. } | Self::Present(_) => true,
            Self::Held
            | Self::NoStack { .. }
            | Self::Waiting { .. }
            | Self::Refused { .. }
            | Self::Awaiting { .. } => false,
        }
    }

    /// Whether it stays as it is for now, there or not.
    pub fn is_left_alone(&self) -> bool {
        match self {
            Self::Held | Self::Refused { .. } | Self::Awaiting { .. } => true,
            Self::Absent { .. }
            | Self::NoStack { .. }
            | Self::Waiting { .. }
            | Self::Present(_) => false,
        }
    }
}

/// What `state` wants of its stack `scope`.
pub fn desired(state: &ServiceState, scope: &Scope, platform: &Platform) -> Desired {
    let service = &state.service;
    let absent = Desired::Absent {
        generation: service.generation,
    };
    match scope {
        Scope::Service if !service.deleting && !service.manifest.settings.kind.has_repository() => {
            Desired::NoStack {
                generation: service.generation,
            }
        }
        Scope::Service if !service.deleting => {
            let template = slipway_synth::service_stack(&service.manifest, platform);
            present(service, template.clone(), template, Ends::default())
        }
        Scope::Service
            if state
                .stacks
                .keys()
                .any(|scope| scope.environment().is_some()) =>
        {
            Desired::Held
        }
        Scope::Service => absent,
        Scope::Environment(_) if service.deleting => absent,
        Scope::Environment(name) => {
            let Some(effective) = service.manifest.effective(name, &platform.environment) else {
                return absent;
            };
            let stack = state.stacks.get(scope);
            let generation = service.generation;
            match stack.and_then(StackRecord::verdict) {
                Some(Verdict::Refused { reasons }) => {
                    return Desired::Refused {
                        generation,
                        reasons: reasons.clone(),
                    };
                }
                Some(Verdict::Awaits { what, until }) => {
                    return Desired::Awaiting {
                        generation,
                        what: what.clone(),
                        until: *until,
                    };
                }
                Some(Verdict::Cleared { .. }) | None => {}
            }
            if let Some(reasons) = lost_its_place(&effective, stack, platform) {
                return Desired::Refused {
                    generation,
                    reasons,
                };
            }
            let render = |count| render_as_cleared(&effective, stack, platform, count);
            match (
                render(Some(effective.settings.scaling.first_count())),
                render(None),
            ) {
                (Some(creation), Some(steady)) => {
                    let ends = Ends {
                        rolls_out: effective.settings.kind.has_service(),
                        pauses: effective.settings.deploy.pause.is_some(),
                    };
                    present(service, creation, steady, ends)
                }
                _ => Desired::Waiting {
                    generation: service.generation,
                },
            }
        }
    }
}

/// Why an environment that shares a load balancer cannot be rendered: the platform had the one on
/// which it has its place, and has it no more.
fn lost_its_place(
    effective: &Effective,
    stack: Option<&StackRecord>,
    platform: &Platform,
) -> Option<String> {
    let ingress = effective.settings.way_in();
    let parameter = ingress.parameter()?;
    let is_there = stack.is_some_and(|stack| place_of(effective, stack, platform).is_some());
    (!is_there).then(|| {
        format!(
            "The load balancer on which it has its place is not the platform's any more: set the platform's parameter `{parameter}` as it was, or change `ingress`, which is `{}`.",
            ingress.name()
        )
    })
}

/// The settings with the image as it was cleared for the newest deployment, if it was.
pub(crate) fn as_cleared(mut effective: Effective, stack: Option<&StackRecord>) -> Effective {
    if let Some(Verdict::Cleared { image }) = stack.and_then(StackRecord::verdict)
        && effective.settings.image.is_some()
    {
        effective.settings.image = Some(image.clone());
    }
    effective
}

/// The template of an environment as it was cleared; nothing for one that has no image.
pub(crate) fn render_as_cleared(
    effective: &Effective,
    stack: Option<&StackRecord>,
    platform: &Platform,
    desired_count: Option<u32>,
) -> Option<Template> {
    let restart = stack.and_then(|stack| stack.progress.restart);
    let run = RunState {
        desired_count,
        restart: restart.map(|id| id.to_string()),
        place: stack.and_then(|stack| place_of(effective, stack, platform)),
        ..RunState::default()
    };
    let effective = as_cleared(effective.clone(), stack);
    slipway_synth::environment_stack(&effective, platform, &run)
}

/// What the end of an update waits for, beside CloudFormation.
#[derive(Clone, Copy, Default)]
struct Ends {
    rolls_out: bool,
    pauses: bool,
}

fn present(service: &ServiceRecord, creation: Template, steady: Template, ends: Ends) -> Desired {
    let digest = steady.digest().to_owned();
    Desired::Present(Box::new(Target {
        generation: service.generation,
        creation,
        steady,
        digest,
        rolls_out: ends.rolls_out,
        pauses: ends.pauses,
        repair: service.manifest.repair,
    }))
}

/// The client request token of an operation: the same for the same intent, so that a call
/// that is made twice is one operation, and another for every other intent. Of the form
/// that CloudFormation wants of tokens and names of change sets: `[a-zA-Z][-a-zA-Z0-9]*`,
/// at most 128 characters.
pub fn token(uid: Ulid, scope: &Scope, generation: u64, operation: &str, serial: u32) -> String {
    let intent = format!("{uid}/{scope}/{generation}/{operation}/{serial}");
    let hex = sha256(intent.as_bytes());
    format!("slipway-{operation}-{}", &hex[..32])
}
