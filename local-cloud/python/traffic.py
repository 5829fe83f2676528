"""Rules that share traffic between target groups, and deployments that move it.

ministack keeps one target group of a rule and forgets weights. Here a rule keeps both with their
weights, whoever writes them. A service whose strategy moves traffic moves it with each new task
definition, all at once and as soon as it is updated: there is no baking and no waiting. As on AWS,
the stack's template knows nothing of that.
"""

# The name by which metrics know a target group begins with `targetgroup/`, as the end of its ARN does.
alb._target_group_full_name_from_arn = lambda arn: arn.rpartition(":")[2]
parse_actions = alb._parse_actions
action_xml = alb._action_xml
listener_actions = provisioners._elbv2_listener_actions


def with_shares(action, shares):
    """An action over several groups: it names none alone, and the heaviest answers."""
    if len(shares) > 1:
        action["SlipwayShares"] = [(group, int(weight)) for group, weight in shares]
        action["TargetGroupArn"] = max(action["SlipwayShares"], key=lambda it: it[1])[0]
    return action


def parse_actions_with_shares(params, prefix="DefaultActions"):
    actions = parse_actions(params, prefix)
    for number, action in enumerate(actions, start=1):
        shares, base = [], f"{prefix}.member.{number}.ForwardConfig.TargetGroups.member."
        while group := _p(params, f"{base}{len(shares) + 1}.TargetGroupArn"):
            shares.append((group, _p(params, f"{base}{len(shares) + 1}.Weight", "1")))
        if len(shares) == 1:
            action.setdefault("TargetGroupArn", shares[0][0])
        with_shares(action, shares)
    return actions


def listener_actions_with_shares(props, lb_arn, prop="DefaultActions"):
    actions = listener_actions(props, lb_arn, prop)
    for action, wanted in zip(actions, props.get(prop) or []):
        groups = (wanted.get("ForwardConfig") or {}).get("TargetGroups") or []
        with_shares(action, [(it["TargetGroupArn"], it.get("Weight", 1)) for it in groups])
    return actions


def action_xml_with_shares(action):
    shares = action.get("SlipwayShares")
    if shares is None:
        return action_xml(action)
    alone = {key: value for key, value in action.items() if key != "TargetGroupArn"}
    members = "".join(
        f"<member><TargetGroupArn>{group}</TargetGroupArn><Weight>{weight}</Weight></member>"
        for group, weight in shares)
    config = f"<ForwardConfig><TargetGroups>{members}</TargetGroups></ForwardConfig>"
    return action_xml(alone).removesuffix("</member>") + config + "</member>"


alb._parse_actions = parse_actions_with_shares
alb._action_xml = action_xml_with_shares
provisioners._elbv2_listener_actions = listener_actions_with_shares

# --- Deployments -------------------------------------------------------------------------------

update_service_once = service_handlers["update"]


def update_and_shift(physical_id, old_props, new_props, stack_name):
    updated = update_service_once(physical_id, old_props, new_props, stack_name)
    strategy = (new_props.get("DeploymentConfiguration") or {}).get("Strategy", "ROLLING")
    cluster = ecs._resolve_cluster_name(new_props.get("Cluster", "default"))
    service = ecs._services.get(f"{cluster}/{physical_id.rsplit('/', 1)[-1]}") or {}
    # A rollback after a failure brings back what never lost the traffic.
    before = service.get("_slipway_has_traffic", old_props.get("TaskDefinition"))
    service["_slipway_has_traffic"] = new_props.get("TaskDefinition")
    if before != new_props.get("TaskDefinition") and strategy != "ROLLING":
        for balancer in new_props.get("LoadBalancers") or []:
            shift(balancer.get("TargetGroupArn"), balancer.get("AdvancedConfiguration") or {})
    return updated


def shift(first, advanced):
    """All traffic goes to the group that has less of it."""
    second = advanced.get("AlternateTargetGroupArn")
    rule = alb._rules.get(advanced.get("ProductionListenerRule"))
    if rule is None or second is None:
        return
    now = {group: weight for it in rule["Actions"] for group, weight in it.get("SlipwayShares", [])}
    to_second = now.get(second, 0) <= now.get(first, 0)
    shares = [(first, 0 if to_second else 100), (second, 100 if to_second else 0)]
    rule["Actions"] = [with_shares({"Type": "forward", "Order": 1}, shares)]


service_handlers["update"] = update_and_shift
