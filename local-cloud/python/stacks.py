"""Lets the companion hold an update at its end, and make rollbacks and deletions fail.

ministack runs a stack operation as fast as it can, so an update is over before anybody could
cancel it. An update that comes with `SlipwayHold` stops after its last resource, before anything
that it replaced or dropped is deleted: released, it goes on; cancelled, ministack's own rollback
runs, which is exact. `SlipwayState` says whether a stack is held or how it stands.

A deleted stack is found by its id only, as on AWS, also when its name was given again.
"""

import asyncio
import contextvars
import inspect

from ministack.services import cloudformation as cfn
from ministack.services import ecs
from ministack.services.cloudformation import changesets, handlers
from ministack.services.cloudformation import stacks as engine
from ministack.services.cloudformation.helpers import _p, _xml

# The type of the resource on which a held update hangs, or nothing.
HOLD = contextvars.ContextVar("slipway_hold", default=None)
# Failures of the deletion or rollback that runs, by logical id or type.
DELETING = contextvars.ContextVar("slipway_deleting", default={})
REVERTING = contextvars.ContextVar("slipway_reverting", default={})

held = {}
failing_deletions = {}
failing_rollbacks = {}


def every_module(name, function):
    """Sets a function of the engine wherever it was imported to."""
    for module in (engine, handlers, changesets):
        if hasattr(module, name):
            setattr(module, name, function)


# --- Held updates ------------------------------------------------------------------------------


async def released(stack_id, stack_name, touched, definitions):
    """Waits until a held update is let go; false when it was cancelled."""
    kind = HOLD.get()
    if kind is None:
        return True
    gate = held[stack_id] = asyncio.get_running_loop().create_future()
    try:
        go_on = await gate
    finally:
        held.pop(stack_id, None)
    if not go_on:
        hung = next((it for it in touched if definitions[it].get("Type") == kind), None)
        if hung is not None:
            reason = "Resource update cancelled"
            engine._add_event(stack_id, stack_name, hung, kind, "UPDATE_FAILED", reason)
    return go_on


ANCHOR = "    resolved_outputs: list = []\n"
GATE = """\
    if is_update and not failed and not await released(
            stack_id, stack_name, created_in_this_run, resources_defs):
        CLIENT_REQUEST_TOKEN.set(stack.pop("_cancel_token", ""))
        stack.pop("_cancel_requested", None)
        failed = cancelled = True
        fail_reason = "User Initiated"
"""
source = inspect.getsource(engine._deploy_stack_async)
if source.count(ANCHOR) != 1:
    raise RuntimeError("this ministack deploys stacks in another way")
engine.released = released
exec(compile(source.replace(ANCHOR, GATE + ANCHOR), engine.__file__, "exec"), engine.__dict__)
every_module("_deploy_stack_async", engine._deploy_stack_async)


def let_go(params, go_on):
    stack = handlers._resolve_stack(_p(params, "StackName"))
    gate = held.get(stack["StackId"]) if stack else None
    if gate is not None and not gate.done():
        gate.set_result(go_on)


def state(params):
    stack = handlers._resolve_stack(_p(params, "StackName")) or {}
    now = "HELD" if stack.get("StackId") in held else stack.get("StackStatus", "")
    return _xml(200, "SlipwayStateResponse", f"<State>{now}</State>")


def release(params):
    let_go(params, True)
    return _xml(200, "SlipwayReleaseResponse", "")


# --- Failing deletions and rollbacks -------------------------------------------------------------


def kind_of(definition):
    """The type of a resource, also of one for which another stands in."""
    original = (definition.get("Metadata") or {}).get("SlipwayLocalCloud") or {}
    return original.get("Type") or definition.get("Type")


def named(params, name):
    """Types and reasons: `{name}.member.N.Type` and `.Reason`."""
    found = {}
    while kind := _p(params, f"{name}.member.{len(found) + 1}.Type"):
        found[kind] = _p(params, f"{name}.member.{len(found) + 1}.Reason")
    return found


delete_stack = engine._delete_stack_async


async def delete_stack_or_fail(stack_name, stack_id, retain_resources=(), force=False):
    kinds = failing_deletions.pop(stack_id, {})
    stack = cfn._stacks.get(stack_name) or {}
    resources = stack.get("_resources", {})
    definitions = (stack.get("_template") or {}).get("Resources", {})
    failing = {
        it: kinds[kind_of(definitions.get(it, {}))]
        for it in resources
        if kind_of(definitions.get(it, {})) in kinds and it not in retain_resources
    }
    # What a resource needs is deleted after it, so here not at all.
    needed = engine._with_dependencies(failing, definitions, set(resources)) - set(failing)
    waiting = {it: resources.pop(it) for it in list(resources) if it in needed}
    token = DELETING.set(failing)
    try:
        await delete_stack(stack_name, stack_id, retain_resources, force)
    finally:
        DELETING.reset(token)
        resources.update(waiting)
    if stack.get("StackStatus") == "DELETE_COMPLETE":
        cfn._stacks.pop(stack_name)
        cfn._stacks[stack_id] = stack


every_module("_delete_stack_async", delete_stack_or_fail)
delete_resource = engine._delete_resource


def delete_resource_or_fail(kind, physical_id, props, stack_name, logical_id=None):
    reason = DELETING.get().get(logical_id)
    if reason is not None:
        raise ValueError(reason)
    if kind == "AWS::ECS::Cluster" and any(
        service["status"] == "ACTIVE"
        for key, service in ecs._services.items()
        if key.startswith(f"{physical_id}/")
    ):
        raise ValueError(
            "Resource handler returned message: \"The Cluster cannot be deleted while Services "
            "are active.\" (HandlerErrorCode: ResourceConflict)"
        )
    return delete_resource(kind, physical_id, props, stack_name, logical_id)


engine._delete_resource = delete_resource_or_fail
revert_update = engine._revert_update


async def revert_update_or_fail(stack_id, *args):
    token = REVERTING.set(failing_rollbacks.get(stack_id, {}))
    try:
        await revert_update(stack_id, *args)
    finally:
        REVERTING.reset(token)


engine._revert_update = revert_update_or_fail
update_resource = engine._update_resource


def update_resource_or_fail(kind, *args):
    reason = REVERTING.get().get(kind)
    if reason is not None:
        raise ValueError(reason)
    return update_resource(kind, *args)


engine._update_resource = update_resource_or_fail


# --- Calls -----------------------------------------------------------------------------------


def changed(action):
    """A call with what the companion adds to it."""
    call = cfn._ACTION_HANDLERS[action]

    def answer(params):
        stack = handlers._resolve_stack(_p(params, "StackName"))
        if stack is not None:
            failing_rollbacks[stack["StackId"]] = named(params, "SlipwayFailRollback")
            failing_deletions[stack["StackId"]] = named(params, "SlipwayFailDeletion")
        token = HOLD.set(_p(params, "SlipwayHold", None))
        try:
            answered = call(params)
        finally:
            HOLD.reset(token)
        if action == "CancelUpdateStack":
            let_go(params, False)
        return answered

    return answer


for action in (
    "UpdateStack",
    "DeleteStack",
    "ExecuteChangeSet",
    "CancelUpdateStack",
    "ContinueUpdateRollback",
):
    cfn._ACTION_HANDLERS[action] = changed(action)
cfn._ACTION_HANDLERS["SlipwayState"] = state
cfn._ACTION_HANDLERS["SlipwayRelease"] = release
