"""Services whose new tasks fail, when a test wants it.

No container runs here, so every task is well. A rule of the companion's (`SlipwayTasksFail`)
makes the tasks of a service's new deployments stop as they do on AWS when a program crashes, an
image is missing or a health check fails: with a reason, log lines and an unhealthy target. Then
the circuit breaker puts the former deployment back, or the rollout goes on without an end.
"""

from xml.sax.saxutils import escape

from ministack.services.cloudformation import provisioners

# What the companion wants, how often each was used, and services whose breaker was triggered.
rules = []
uses = {}
triggered = []


def tasks_fail(params):
    """Takes the rules; answers what happened since the last call."""
    if _p(params, "Rules"):
        rules[:] = json.loads(_p(params, "Rules"))
    happened = json.dumps({"uses": uses, "triggered": triggered})
    triggered.clear()
    return _xml(200, "SlipwayTasksFailResponse", f"<Happened>{escape(happened)}</Happened>")


cfn._ACTION_HANDLERS["SlipwayTasksFail"] = tasks_fail


def failure_of(service, deployment):
    """How the tasks of a deployment fail; decided once, and never for what ran before."""
    if "_slipway_failure" not in deployment:
        good = service.setdefault("_slipway_good", [])
        failure = None
        if deployment["taskDefinition"] not in good:
            name = service["serviceName"]
            rule = next((it for it in rules if it["service"] in name
                         and uses.get(it["id"], 0) < it["times"]), None)
            if rule is not None:
                uses[rule["id"]] = uses.get(rule["id"], 0) + 1
                failure = rule["failure"]
        if failure is None:
            good.append(deployment["taskDefinition"])
        deployment["_slipway_failure"] = failure
        service["_slipway_failure"] = failure
    return deployment["_slipway_failure"]


run_task = ecs._run_task


def run_task_or_fail(data):
    cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
    name = data.get("group", "").removeprefix("service:")
    service = ecs._services.get(f"{cluster}/{name}")
    deployment = next(
        (it for it in (service or {}).get("deployments", [])
         if it["id"] == data.get("_deploymentId")), None)
    if deployment is None:
        return run_task(data)
    # As on AWS, the tasks of a deployment name it.
    data = {**data, "startedBy": deployment["id"]}
    failure = failure_of(service, deployment)
    if failure is None:
        return run_task(data)
    answer = run_task({**data, "count": failure["failed_tasks"]})
    for started in json.loads(answer[2])["tasks"]:
        stop(ecs._tasks[started["taskArn"]], failure)
    end(service, deployment, failure)
    return answer


def stop(task, failure):
    task["_slipway_failed"] = True
    for container in task["containers"]:
        container["reason"] = failure["container_reason"]
    definition = ecs._task_defs[ecs._resolve_td_key(task["taskDefinitionArn"])]
    for container in definition.get("containerDefinitions", []):
        config = ecs._awslogs_config(container, task["taskArn"].rsplit("/", 1)[-1], "")
        if config and failure["log_lines"] and ecs._ensure_awslogs_stream(config):
            for line in failure["log_lines"]:
                ecs._emit_awslogs_event(config, line)
    ecs._mark_task_stopped(
        task["taskArn"], task, failure["stopped_reason"], failure["stop_code"],
        exit_code=failure["exit_code"])


def end(service, deployment, failure):
    """Goes on without an end, or lets the circuit breaker act."""
    deployment["failedTasks"] = deployment.get("failedTasks", 0) + failure["failed_tasks"]
    deployment["updatedAt"] = ecs._iso()
    deployment["rolloutState"] = "IN_PROGRESS"
    deployment["rolloutStateReason"] = f"ECS deployment {deployment['id']} in progress."
    breaker = (service.get("deploymentConfiguration") or {}).get("deploymentCircuitBreaker") or {}
    if not (failure["triggers_breaker"] and breaker.get("enable")):
        return
    deployment["rolloutState"] = "FAILED"
    deployment["rolloutStateReason"] = "ECS deployment circuit breaker: tasks failed to start."
    service["_slipway_triggered"] = True
    triggered.append({"service": service["serviceArn"], "deployment": deployment["id"]})
    service["events"].insert(0, {
        "id": deployment["id"].rsplit("/", 1)[-1],
        "createdAt": ecs._iso(),
        "message": f"(service {service['serviceName']}) (deployment {deployment['id']}) "
                   "deployment failed: tasks failed to start.",
    })
    former = next((it for it in service["deployments"]
                   if it is not deployment and it.get("rolloutState") == "COMPLETED"), None)
    if breaker.get("rollback") and former is not None:
        former["status"] = "PRIMARY"
        former["rolloutStateReason"] = (
            f"ECS deployment circuit breaker: rolling back to deploymentId {former['id']}.")
        service["taskDefinition"] = former["taskDefinition"]
        service["deployments"] = [former]


ecs._run_task = run_task_or_fail
record_failure = ecs._record_service_task_failure


def record_failure_of_others(task, **options):
    if not task.get("_slipway_failed"):
        record_failure(task, **options)


ecs._record_service_task_failure = record_failure_of_others

# --- CloudFormation waits for the service ------------------------------------------------------

TRIGGERED = (
    "Resource handler returned message: \"Error occurred during operation 'ECS Deployment Circuit "
    "Breaker was triggered'.\" (RequestToken: 00000000-0000-4000-8000-000000000000, "
    "HandlerErrorCode: GeneralServiceException)"
)
service_handlers = provisioners._RESOURCE_HANDLERS["AWS::ECS::Service"]
create_service, update_service = service_handlers["create"], service_handlers["update"]


def was_triggered(physical_id, props):
    cluster = ecs._resolve_cluster_name(props.get("Cluster", "default"))
    service = ecs._services.get(f"{cluster}/{physical_id.rsplit('/', 1)[-1]}") or {}
    return service.pop("_slipway_triggered", False)


def create_or_fail(logical_id, props, stack_name):
    created = create_service(logical_id, props, stack_name)
    if was_triggered(created[0], props):
        # The rollback does not know what was not created.
        service_handlers["delete"](created[0], props)
        raise ValueError(TRIGGERED)
    return created


def update_or_fail(physical_id, old_props, new_props, stack_name):
    updated = update_service(physical_id, old_props, new_props, stack_name)
    if was_triggered(physical_id, new_props):
        raise ValueError(TRIGGERED)
    return updated


service_handlers.update(create=create_or_fail, update=update_or_fail)
call_update = ecs._update_service


def update_active_service(data):
    cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
    name = data.get("service", "").rsplit("/", 1)[-1]
    service = ecs._services.get(f"{cluster}/{name}")
    if service is not None and service["status"] != "ACTIVE":
        return ecs.error_response_json(
            "ServiceNotActiveException", "Service was not ACTIVE.", 400)
    return call_update(data)


ecs._update_service = ecs._ACTION_MAP["UpdateService"] = update_active_service

# --- Targets -----------------------------------------------------------------------------------

target_health = alb._ACTION_MAP["DescribeTargetHealth"]


def target_health_or_failure(params):
    """A running task is a healthy target; none has an address here that ministack could register."""
    group, running = _p(params, "TargetGroupArn"), 0
    for service in ecs._services.values():
        failure = service.get("_slipway_failure")
        port = next((it.get("containerPort", 80) for it in service.get("loadBalancers") or []
                     if it.get("targetGroupArn") == group), None)
        if failure and failure["target_reason"] and port and service["status"] == "ACTIVE":
            member = (
                f"<member><Target><Id>10.0.0.10</Id><Port>{port}</Port></Target>"
                f"<HealthCheckPort>{port}</HealthCheckPort>"
                "<TargetHealth><State>unhealthy</State>"
                f"<Reason>{alb._esc(failure['target_reason'])}</Reason>"
                f"<Description>{alb._esc(failure['target_description'])}</Description>"
                "</TargetHealth></member>"
            )
            return alb._xml(200, "DescribeTargetHealth",
                            f"<TargetHealthDescriptions>{member}</TargetHealthDescriptions>")
        if port and service["status"] == "ACTIVE":
            running = max(running, service["desiredCount"])
    if running == 0 or alb._targets.get(group):
        return target_health(params)
    members = "".join(
        f"<member><Target><Id>10.0.1.{10 + n}</Id><Port>80</Port></Target>"
        "<TargetHealth><State>healthy</State></TargetHealth></member>" for n in range(min(running, 200)))
    return alb._xml(200, "DescribeTargetHealth",
                    f"<TargetHealthDescriptions>{members}</TargetHealthDescriptions>")


alb._ACTION_MAP["DescribeTargetHealth"] = target_health_or_failure
