//! The companion's answers for what only stands in at the emulator: scalable targets and VPC
//! links, with the values that the emulator resolved for them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use serde_json::{Value, json};

use crate::companion::{Companion, Incoming};
use crate::stand_ins::{ORIGINAL, Original, SCALABLE_TARGET, VPC_LINK};
use crate::upstream::{Answer, Upstream};
use crate::wire::{self, Protocol};
use crate::xml;

/// What stands in where.
#[derive(Debug)]
pub(crate) struct StoodIn {
    account: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What is stood in for, by stack (region and name) and logical id.
    kinds: HashMap<(String, String), HashMap<String, Original>>,
    /// By region, namespace, resource and dimension.
    targets: BTreeMap<[String; 4], Target>,
    /// By region and id.
    links: BTreeMap<(String, String), Target>,
    /// What a stack's template says of its targets and links, by the stack's id and logical id.
    declared: HashMap<String, BTreeMap<String, Declared>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Declared {
    kind: String,
    id: String,
    value: Value,
}

/// A scalable target compared with what its stack's template says.
#[derive(Debug, Clone)]
pub(crate) struct StoodDrift {
    pub(crate) logical_id: String,
    pub(crate) physical_id: String,
    /// `IN_SYNC`, `MODIFIED` or `DELETED`.
    pub(crate) status: &'static str,
    /// Properties with their expected and actual values.
    pub(crate) differences: Vec<(&'static str, Value, Value)>,
}

impl StoodDrift {
    pub(crate) fn drifted(&self) -> bool {
        self.status != "IN_SYNC"
    }
}

#[derive(Debug, Clone)]
struct Target {
    /// The id of the stack that made it; none when an API call did.
    owner: Option<String>,
    value: Value,
}

impl StoodIn {
    pub(crate) fn new(account: &str) -> Self {
        Self {
            account: account.to_owned(),
            state: Mutex::default(),
        }
    }

    /// Remembers which resources of a stack stand in for what. An update may yet be rolled back,
    /// so it forgets nothing.
    pub(crate) fn learn(
        &self,
        region: &str,
        stack: &str,
        new: bool,
        kinds: Vec<(String, Original)>,
    ) {
        let key = (region.to_owned(), stack.to_owned());
        let mut state = self.state();
        let known = state.kinds.entry(key).or_default();
        if new {
            known.clear();
        }
        known.extend(kinds);
    }

    /// What a resource stands in for.
    pub(crate) fn original(&self, region: &str, stack: &str, logical_id: &str) -> Option<Original> {
        let key = (region.to_owned(), stack.to_owned());
        self.state().kinds.get(&key)?.get(logical_id).cloned()
    }

    /// What there is in a region, by kind.
    pub(crate) fn names(&self, region: &str) -> [(&'static str, Vec<String>); 2] {
        let state = self.state();
        let here = |known: &str| known == region;
        let targets = state
            .targets
            .keys()
            .filter(|key| here(&key[0]))
            .map(|key| key[2].clone());
        let links = state
            .links
            .keys()
            .filter(|(known, _)| here(known))
            .map(|(_, id)| id.clone());
        [
            ("scalable target", targets.collect()),
            ("vpc link", links.collect()),
        ]
    }

    /// Forgets what a stack made.
    pub(crate) fn forget(&self, region: &str, owner: &str) {
        let mut state = self.state();
        state
            .targets
            .retain(|_, target| target.owner.as_deref() != Some(owner));
        state
            .links
            .retain(|_, target| target.owner.as_deref() != Some(owner));
        // Also what somebody registered again by hand.
        for declared in state.declared.remove(owner).unwrap_or_default().values() {
            state.take_away(region, declared);
        }
    }

    /// Takes over what a stack made, after it was created or updated. What its template says as
    /// before is left as it is, whatever others made of it, unless drift is to be `reverted`.
    pub(crate) async fn adopt(
        &self,
        upstream: &Upstream,
        stack_id: &str,
        stack: &str,
        reverted: bool,
    ) -> Result<()> {
        let region = upstream.region().to_owned();
        let key = (region.clone(), stack.to_owned());
        let kinds = self.state().kinds.get(&key).cloned().unwrap_or_default();
        let mut declared = BTreeMap::new();
        for (logical_id, Original { kind, .. }) in kinds {
            if kind != SCALABLE_TARGET && kind != VPC_LINK {
                continue;
            }
            if let Some((id, value)) = resolved(upstream, stack_id, &logical_id).await? {
                declared.insert(logical_id, Declared { kind, id, value });
            }
        }
        for key in self.take_over(&region, stack_id, declared, reverted) {
            self.clamp(upstream, &key).await?;
        }
        Ok(())
    }

    /// Replaces what a stack declared; answers which scalable targets it wrote.
    fn take_over(
        &self,
        region: &str,
        stack_id: &str,
        declared: BTreeMap<String, Declared>,
        reverted: bool,
    ) -> Vec<[String; 4]> {
        let mut written = Vec::new();
        let mut state = self.state();
        let before = state.declared.remove(stack_id).unwrap_or_default();
        for (logical_id, was) in &before {
            let now = declared.get(logical_id);
            if now.is_none_or(|now| now.id != was.id || place(region, now) != place(region, was)) {
                state.take_away(region, was);
            }
        }
        for (logical_id, now) in &declared {
            if reverted || before.get(logical_id) != Some(now) {
                let target = Target {
                    owner: Some(stack_id.to_owned()),
                    value: now.value.clone(),
                };
                if now.kind == VPC_LINK {
                    let key = (region.to_owned(), now.id.clone());
                    state.links.insert(key, target);
                } else {
                    let key = place(region, now);
                    state.targets.insert(key.clone(), target);
                    written.push(key);
                }
            }
        }
        state.declared.insert(stack_id.to_owned(), declared);
        written
    }

    /// Compares a stack's scalable targets with what its template says.
    pub(crate) fn drifts(&self, region: &str, stack_id: &str) -> Vec<StoodDrift> {
        let state = self.state();
        let declared = state.declared.get(stack_id).into_iter().flatten();
        declared
            .filter(|(_, declared)| declared.kind == SCALABLE_TARGET)
            .map(|(logical_id, declared)| {
                let actual = state.targets.get(&place(region, declared));
                let differences: Vec<_> = ["MinCapacity", "MaxCapacity"]
                    .into_iter()
                    .filter_map(|name| {
                        let expected = number(&declared.value[name]);
                        let actual = number(&actual?.value[name]);
                        (expected != actual).then_some((name, expected, actual))
                    })
                    .collect();
                StoodDrift {
                    logical_id: logical_id.clone(),
                    physical_id: declared.id.clone(),
                    status: match actual {
                        None => "DELETED",
                        Some(_) if differences.is_empty() => "IN_SYNC",
                        Some(_) => "MODIFIED",
                    },
                    differences,
                }
            })
            .collect()
    }

    /// `GET /v2/vpclinks` and `GET /v2/vpclinks/{id}`.
    pub(crate) fn vpc_links(&self, path: &str, region: &str) -> Answer {
        let id = path
            .trim_start_matches("/v2/vpclinks")
            .trim_start_matches('/');
        let describe = |id: &str, link: &Target| {
            json!({
                "vpcLinkId": id,
                "name": link.value["Name"],
                "securityGroupIds": link.value["SecurityGroupIds"],
                "subnetIds": link.value["SubnetIds"],
                "vpcLinkStatus": "AVAILABLE",
                "vpcLinkVersion": "V2",
            })
        };
        let state = self.state();
        let mut links = state.links.iter().filter(|((known, _), _)| known == region);
        if id.is_empty() {
            let items: Vec<Value> = links.map(|((_, id), link)| describe(id, link)).collect();
            return wire::json_answer(&json!({ "items": items }));
        }
        match links.find(|((_, known), _)| known == id) {
            Some(((_, id), link)) => wire::json_answer(&describe(id, link)),
            None => wire::error(
                Protocol::Rest,
                404,
                "NotFoundException",
                &format!("Invalid VpcLink identifier specified {id}"),
            ),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take_away(&mut self, region: &str, declared: &Declared) {
        if declared.kind == VPC_LINK {
            let key = (region.to_owned(), declared.id.clone());
            self.links.remove(&key);
        } else {
            self.targets.remove(&place(region, declared));
        }
    }
}

/// Where a declared scalable target is found.
fn place(region: &str, declared: &Declared) -> [String; 4] {
    target_key(region, &declared.value)
}

/// A resource's made-up id and its own properties, resolved by the emulator.
async fn resolved(
    upstream: &Upstream,
    stack_id: &str,
    logical_id: &str,
) -> Result<Option<(String, Value)>> {
    let parameters = [("StackName", stack_id), ("LogicalResourceId", logical_id)];
    let answer = upstream
        .query("cloudformation", "DescribeStackResource", &parameters)
        .await?;
    if !answer.status.is_success() {
        // Its condition is false: the stack does not have it.
        return Ok(None);
    }
    let text = answer.text();
    let metadata = xml::find(&text, "Metadata").unwrap_or_default();
    let metadata: Value = serde_json::from_str(&metadata)?;
    let original = &metadata[ORIGINAL];
    let id = original["Id"].as_str().unwrap_or_default().to_owned();
    Ok(Some((id, original["Properties"].clone())))
}

fn target_key(region: &str, target: &Value) -> [String; 4] {
    let text = |name: &str| target[name].as_str().unwrap_or_default().to_owned();
    [
        region.to_owned(),
        text("ServiceNamespace"),
        text("ResourceId"),
        text("ScalableDimension"),
    ]
}

impl Companion {
    /// Application Auto Scaling, as far as targets without policies go.
    pub(crate) async fn auto_scaling(self: &Arc<Self>, incoming: &Incoming) -> Result<Answer> {
        let request: Value = serde_json::from_slice(&incoming.body).unwrap_or_default();
        let region = incoming.intent.region.as_str();
        match incoming.intent.operation.as_str() {
            "DescribeScalableTargets" => {
                Ok(wire::json_answer(&self.stood_in.describe(&request, region)))
            }
            "RegisterScalableTarget" => {
                let answer = self.stood_in.register(&request, region);
                let upstream = self.upstream.in_region(region);
                let key = target_key(region, &request);
                self.stood_in.clamp(&upstream, &key).await?;
                Ok(answer)
            }
            "DeregisterScalableTarget" => Ok(self.stood_in.deregister(&request, region)),
            other => Ok(wire::error(
                Protocol::Json,
                400,
                "UnknownOperationException",
                &format!("The local cloud does not have {other}."),
            )),
        }
    }
}

impl StoodIn {
    /// Registering or changing a target moves the service's desired count into its bounds.
    async fn clamp(&self, upstream: &Upstream, key: &[String; 4]) -> Result<()> {
        let Some(target) = self.state().targets.get(key).cloned() else {
            return Ok(());
        };
        let mut parts = key[2].split('/').skip(1);
        let (Some(cluster), Some(service)) = (parts.next(), parts.next()) else {
            return Ok(());
        };
        let ask = json!({ "cluster": cluster, "services": [service] });
        let prefix = "AmazonEC2ContainerServiceV20141113";
        let answer = upstream
            .json("ecs", &format!("{prefix}.DescribeServices"), &ask)
            .await?;
        let Some(count) = answer["services"][0]["desiredCount"].as_i64() else {
            return Ok(());
        };
        let bound = |name: &str, default| number(&target.value[name]).as_i64().unwrap_or(default);
        let clamped = count
            .min(bound("MaxCapacity", i64::MAX))
            .max(bound("MinCapacity", 0));
        if clamped != count {
            let ask = json!({ "cluster": cluster, "service": service, "desiredCount": clamped });
            upstream
                .json("ecs", &format!("{prefix}.UpdateService"), &ask)
                .await?;
        }
        Ok(())
    }

    fn describe(&self, request: &Value, region: &str) -> Value {
        let wanted = |value: &Value, name: &str, own: &str| match value[name].as_array() {
            Some(list) => list.iter().any(|item| item == own),
            None => true,
        };
        let dimension = request["ScalableDimension"].as_str();
        let targets: Vec<Value> = self
            .state()
            .targets
            .iter()
            .filter(|([known, namespace, resource, own], _)| {
                known == region
                    && request["ServiceNamespace"] == namespace.as_str()
                    && wanted(request, "ResourceIds", resource)
                    && dimension.is_none_or(|dimension| dimension == own)
            })
            .map(|([region, namespace, resource, dimension], target)| {
                let value = &target.value;
                let suspended = json!({
                    "DynamicScalingInSuspended": false,
                    "DynamicScalingOutSuspended": false,
                    "ScheduledScalingSuspended": false,
                });
                json!({
                    "ServiceNamespace": namespace,
                    "ResourceId": resource,
                    "ScalableDimension": dimension,
                    "MinCapacity": number(&value["MinCapacity"]),
                    "MaxCapacity": number(&value["MaxCapacity"]),
                    "RoleARN": value["RoleARN"].as_str().unwrap_or_default(),
                    "CreationTime": 0,
                    "SuspendedState":
                        value.get("SuspendedState").cloned().unwrap_or(suspended),
                    "ScalableTargetARN": self.arn(region, resource),
                })
            })
            .collect();
        json!({ "ScalableTargets": targets })
    }

    fn arn(&self, region: &str, resource: &str) -> String {
        let account = &self.account;
        format!("arn:aws:application-autoscaling:{region}:{account}:scalable-target/{resource}")
    }

    fn register(&self, request: &Value, region: &str) -> Answer {
        let key = target_key(region, request);
        let arn = self.arn(region, &key[2]);
        let mut state = self.state();
        let target = state.targets.entry(key).or_insert_with(|| Target {
            owner: None,
            value: json!({}),
        });
        for (name, value) in request.as_object().into_iter().flatten() {
            target.value[name] = value.clone();
        }
        wire::json_answer(&json!({ "ScalableTargetARN": arn }))
    }

    fn deregister(&self, request: &Value, region: &str) -> Answer {
        if self
            .state()
            .targets
            .remove(&target_key(region, request))
            .is_some()
        {
            return wire::json_answer(&json!({}));
        }
        wire::error(
            Protocol::Json,
            400,
            "ObjectNotFoundException",
            "No scalable target registered for service namespace, resource ID and dimension.",
        )
    }
}

/// CloudFormation hands numbers on as text.
fn number(value: &Value) -> Value {
    value
        .as_str()
        .and_then(|text| text.parse::<i64>().ok())
        .map_or(value.clone(), Value::from)
}
