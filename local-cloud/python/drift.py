"""Which resources drift detection compares here, and change sets that revert what it finds.

ministack compares the types that it has readers for; those of a service's stacks are added, and
all others are left alone. A change set with `DeploymentMode=REVERT_DRIFT` compares with what is
there, not with what the template said last: what is gone is made again, what was changed is
changed back.
"""

import contextvars
import json
import re

from ministack.core.responses import now_iso
from ministack.services import alb, apigateway
from ministack.services.cloudformation import drift
from ministack.services.cloudformation.helpers import _extract_string_members

# The resources that the change set that is being made finds drifted, by logical id.
DRIFTED = contextvars.ContextVar("slipway_drifted", default={})


def read_service(physical_id, props):
    name = physical_id.rsplit("/", 1)[-1]
    cluster = ecs._resolve_cluster_name(props.get("Cluster", "default"))
    service = ecs._services.get(f"{cluster}/{name}")
    if service is None or service["status"] != "ACTIVE":
        return None
    return {"TaskDefinition": service["taskDefinition"], "DesiredCount": service["desiredCount"]}


def read_cluster(physical_id, props):
    cluster = ecs._clusters.get(physical_id)
    return None if cluster is None or cluster["status"] != "ACTIVE" else {}


def read_route(physical_id, props):
    api, _, route = physical_id.partition("/")
    return {} if route in apigateway._routes.get(api, {}) else None


readers = {
    "AWS::ECS::Service": (read_service, frozenset({"TaskDefinition", "DesiredCount"})),
    "AWS::ECS::Cluster": (read_cluster, frozenset()),
    "AWS::Logs::LogGroup": (drift._read_log_group, frozenset({"RetentionInDays"})),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (drift._exists_in(lambda: alb._lbs), frozenset()),
    "AWS::ElasticLoadBalancingV2::TargetGroup": (drift._exists_in(lambda: alb._tgs), frozenset()),
    "AWS::ApiGatewayV2::Route": (read_route, frozenset()),
}
drift._DRIFT_READERS.clear()
drift._DRIFT_READERS.update(readers)


def drifted_resources(stack):
    found = {}
    for logical_id, record in stack.get("_resources", {}).items():
        if not drift.supports_drift(record.get("ResourceType", "")):
            continue
        seen = drift.detect_resource_drift(stack, logical_id, record, now_iso())
        if seen["StackResourceDriftStatus"] in ("MODIFIED", "DELETED"):
            found[logical_id] = seen
    return found


diff_resources = changesets._diff_resources


def diff_with_drift(old, new, *args):
    changes = diff_resources(old, new, *args)
    changed = {change["ResourceChange"]["LogicalResourceId"] for change in changes}
    for logical_id, seen in DRIFTED.get().items():
        if logical_id in changed or logical_id not in new.get("Resources", {}):
            continue
        change = {
            "Action": "Add" if seen["StackResourceDriftStatus"] == "DELETED" else "Modify",
            "LogicalResourceId": logical_id,
            "PhysicalResourceId": seen["PhysicalResourceId"],
            "ResourceType": new["Resources"][logical_id].get("Type", ""),
        }
        if change["Action"] == "Modify":
            change |= {"Replacement": "False", "Scope": ["Properties"]}
        changes.append({"ResourceChange": change})
    return changes


changesets._diff_resources = diff_with_drift
create_change_set = cfn._ACTION_HANDLERS["CreateChangeSet"]
execute_change_set = cfn._ACTION_HANDLERS["ExecuteChangeSet"]


def create_with_drift(params):
    stack = handlers._resolve_stack(_p(params, "StackName"))
    if stack is None or _p(params, "DeploymentMode") != "REVERT_DRIFT":
        return create_change_set(params)
    seen = drifted_resources(stack)
    # What the companion answers for, it compares and reverts itself.
    others = {
        it: {"StackResourceDriftStatus": "MODIFIED", "PhysicalResourceId": ""}
        for it in _extract_string_members(params, "SlipwayDrifted")
    }
    token = DRIFTED.set(seen | others)
    try:
        answer = create_change_set(params)
    finally:
        DRIFTED.reset(token)
    made = re.search(rb"<Id>(.*?)</Id>", answer[2] or b"")
    change_set = cfn._change_sets.get(made.group(1).decode()) if made else None
    if change_set is not None:
        change_set["_slipway_drifted"] = seen
    return answer


def execute_with_drift(params):
    _, change_set = changesets._find_change_set(
        _p(params, "ChangeSetName"), _p(params, "StackName"))
    if change_set and change_set["ExecutionStatus"] == "AVAILABLE":
        stack = cfn._stacks.get(change_set["StackName"]) or {}
        resources = stack.get("_resources", {})
        for logical_id, seen in change_set.pop("_slipway_drifted", {}).items():
            if seen["StackResourceDriftStatus"] == "DELETED":
                resources.pop(logical_id, None)
            elif logical_id in resources:
                expected = json.loads(seen["ExpectedProperties"])
                kept = resources[logical_id]["Properties"].items()
                resources[logical_id]["Properties"] = {
                    **{name: value for name, value in kept if name not in expected},
                    **json.loads(seen["ActualProperties"]),
                }
    return execute_change_set(params)


cfn._ACTION_HANDLERS["CreateChangeSet"] = create_with_drift
cfn._ACTION_HANDLERS["ExecuteChangeSet"] = execute_with_drift
