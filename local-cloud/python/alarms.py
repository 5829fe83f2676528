"""Alarms as CloudWatch evaluates them, and what the companion has to hear of them.

ministack looks at all points of a metric's name, whatever their dimensions, as one period. Here an
alarm looks at the last complete periods of its own metric, or of an expression over several, and
counts M out of N with missing data as the user guide says ("Using Amazon CloudWatch alarms"). It is
looked at when data comes, and when the companion asks (`SlipwayAlarms`), which also hears what
changed since it last asked. `SlipwayMetric` sets all points of a metric, so that a test need not
wait for minutes. An alarm of whose metrics there never was a point stays as it was made.
"""

import ast
import operator
import time
from datetime import datetime, timezone

from ministack.services import cloudwatch as cw

# What an alarm's state was before, by its ARN; and changes that nobody has heard of, by region.
states = {}
changes = {}

COMPARE = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
ARITHMETIC = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
              ast.Div: operator.truediv}
OVER_ARRAYS = {"SUM": sum, "MAX": max, "MIN": min, "AVG": lambda it: sum(it) / len(it)}


def queries_of(alarm):
    """What an alarm watches, in the form of `Metrics`."""
    if alarm.get("Metrics"):
        return alarm["Metrics"]
    metric = {"Namespace": alarm["Namespace"], "MetricName": alarm["MetricName"],
              "Dimensions": alarm.get("Dimensions") or []}
    stat = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
    query = {"Id": "metric", "ReturnData": True,
             "MetricStat": {"Metric": metric, "Period": alarm["Period"], "Stat": stat}}
    return [query]


def points_of(stat):
    metric = stat["Metric"]
    dimensions = cw._dims_key(cw._dims_from_list(metric.get("Dimensions") or []))
    return cw._metrics.get((metric["Namespace"], metric["MetricName"], dimensions)) or []


def value_in(stat, start, end):
    """A metric's value in one period, or nothing."""
    points = [it for it in points_of(stat) if start <= it["Timestamp"] < end]
    return cw._stat_value(cw._calc_stats(points), stat["Stat"], points) if points else None


def calculate(node, values):
    """An expression over the values of one period; nothing where something is missing."""
    if isinstance(node, ast.Expression):
        return calculate(node.body, values)
    if isinstance(node, ast.Name):
        return values[node.id]
    if isinstance(node, ast.Constant):
        return float(node.value)
    if isinstance(node, ast.BinOp):
        left, right = calculate(node.left, values), calculate(node.right, values)
        if left is None or right is None or (isinstance(node.op, ast.Div) and right == 0):
            return None
        return ARITHMETIC[type(node.op)](left, right)
    if isinstance(node, ast.Call) and node.func.id in OVER_ARRAYS:
        there = [calculate(it, values) for it in node.args[0].elts]
        there = [it for it in there if it is not None]
        return OVER_ARRAYS[node.func.id](there) if there else None
    raise ValueError(f"The local cloud does not know this of metric math: {ast.dump(node)}")


def values_of(alarm, now):
    """The start of the first of the last N complete periods, and their values, oldest first."""
    queries = queries_of(alarm)
    stats = {it["Id"]: it["MetricStat"] for it in queries if it.get("MetricStat")}
    period = max(int(it["Period"]) for it in stats.values())
    asked = next(it for it in queries if it.get("ReturnData", True))
    start = now // period * period - period * alarm["EvaluationPeriods"]
    found = []
    for n in range(alarm["EvaluationPeriods"]):
        begin = start + n * period
        values = {name: value_in(it, begin, begin + period) for name, it in stats.items()}
        if asked.get("Expression"):
            found.append(calculate(ast.parse(asked["Expression"], mode="eval"), values))
        else:
            found.append(values[asked["Id"]])
    return start, period, found


def judge(values, needed, breaches, missing, state):
    """The state that M of N values make."""
    there = [it for it in values if it is not None]
    absent = len(values) - len(there)
    high = sum(map(breaches, there))
    if missing == "breaching":
        return "ALARM" if high + absent >= needed else "OK"
    if missing == "notBreaching":
        return "ALARM" if high >= needed else "OK"
    if high >= needed:
        return "ALARM"
    if missing == "ignore":
        return "OK" if high + absent < needed else state
    if not there:
        return "INSUFFICIENT_DATA"
    # Too few values, and all of them too high for as long as it takes: the user guide calls it
    # avoiding premature transitions to ALARM.
    oldest = next(n for n, it in enumerate(values) if it is not None)
    return "ALARM" if high == len(there) and len(values) - oldest >= needed else "OK"


def evaluate(alarm):
    if not any(points_of(it["MetricStat"]) for it in queries_of(alarm) if it.get("MetricStat")):
        return
    start, period, values = values_of(alarm, int(time.time()))
    compare, threshold = COMPARE[alarm["ComparisonOperator"]], alarm["Threshold"]
    needed = alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"]
    old = alarm["StateValue"]
    new = judge(values, needed, lambda it: compare(it, threshold),
                alarm.get("TreatMissingData", "missing"), old)
    if new == old:
        return
    there = [it for it in values if it is not None]
    if there:
        reason = (f"Threshold Crossed: {len(there)} out of the last {len(values)} datapoints {there} "
                  f"and the threshold ({threshold}), {alarm['ComparisonOperator']}.")
    else:
        reason = f"No datapoints were received for {len(values)} periods."
    data = {"version": "1.0", "queryDate": written(time.time()), "startDate": written(start),
            "period": period, "recentDatapoints": there, "threshold": threshold}
    alarm.update(StateValue=new, StateReason=reason, StateReasonData=json.dumps(data),
                 StateUpdatedTimestamp=int(time.time()))
    cw._record_history(alarm["AlarmName"], old, new, reason)
    cw._dispatch_alarm_actions(alarm, old, new, reason)
    cw._evaluate_parent_alarms(alarm)


def written(epoch):
    moment = datetime.fromtimestamp(epoch, timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}+0000"


# --- What changed --------------------------------------------------------------------------------

record_history = cw._record_history


def record_and_remember(name, old, new, reason, alarm_type="MetricAlarm", reason_data=None):
    record_history(name, old, new, reason, alarm_type, reason_data)
    alarm = cw._alarms.get(name)
    if alarm is None or old == new:
        return
    now = {"value": new, "reason": reason, "timestamp": written(time.time())}
    if alarm.get("StateReasonData"):
        now["reasonData"] = alarm["StateReasonData"]
    made = alarm["AlarmConfigurationUpdatedTimestamp"]
    before = states.get(alarm["AlarmArn"]) or {
        "value": old, "reason": "Unchecked: Initial alarm creation", "timestamp": written(made)}
    states[alarm["AlarmArn"]] = now
    changes.setdefault(cw.get_region(), []).append({
        "arn": alarm["AlarmArn"],
        "detail": {
            "alarmName": name,
            "configuration": {"description": alarm.get("AlarmDescription", ""),
                              "metrics": [described(it) for it in queries_of(alarm)]},
            "previousState": before,
            "state": now,
        },
    })


def described(query):
    """What an alarm watches, as events have it."""
    said = {"id": query["Id"], "returnData": query.get("ReturnData", True)}
    if query.get("Expression"):
        return {**said, "expression": query["Expression"], "label": query.get("Label", query["Id"])}
    stat = query["MetricStat"]
    metric = {"namespace": stat["Metric"]["Namespace"], "name": stat["Metric"]["MetricName"],
              "dimensions": cw._dims_from_list(stat["Metric"].get("Dimensions") or [])}
    return {**said, "metricStat": {"metric": metric, "period": stat["Period"], "stat": stat["Stat"]}}


def alarms_asked(params):
    """Looks at every alarm; answers what changed, and whether there is anything to look at."""
    cw._evaluate_all_alarms()
    happened = {"changes": changes.pop(cw.get_region(), []), "metrics": len(cw._metrics)}
    return _xml(200, "SlipwayAlarmsResponse", f"<Happened>{escape(json.dumps(happened))}</Happened>")


def metric_set(params):
    """Sets all points of a metric, the newest last: one in each of the last complete periods, and
    the newest in the one that runs, so that the end of a period between now and a look is none."""
    said = json.loads(_p(params, "Metric"))
    period, values = said["seconds"], said["values"]
    key = (said["namespace"], said["name"], cw._dims_key(said["dimensions"]))
    begin = int(time.time()) // period * period - period * len(values)
    base = {"Unit": "None", "Dimensions": said["dimensions"]}
    moments = [(begin + n * period, it) for n, it in enumerate(values + values[-1:])]
    cw._metrics[key] = [{**base, "Timestamp": at, "Value": it}
                        for at, it in moments if it is not None]
    return alarms_asked(params)


cw._evaluate_alarm = evaluate
cw._record_history = record_and_remember
cfn._ACTION_HANDLERS["SlipwayAlarms"] = alarms_asked
cfn._ACTION_HANDLERS["SlipwayMetric"] = metric_set

# --- Alarms over several metrics, in templates -----------------------------------------------------

alarm_record = provisioners._cw_metric_alarm_record


def typed(query):
    """A member of `Metrics` with numbers and truths, which templates may write as text."""
    query = {**query, "ReturnData": str(query.get("ReturnData", True)).lower() == "true"}
    if query.get("MetricStat"):
        query["MetricStat"] = {**query["MetricStat"], "Period": int(query["MetricStat"]["Period"])}
    return query


def alarm_record_of_many(name, props):
    if not props.get("Metrics"):
        return alarm_record(name, props)
    single = {key: value for key, value in props.items() if key != "Metrics"}
    record = alarm_record(name, {**single, "MetricName": "many", "Namespace": "many"})
    record["Metrics"] = [typed(it) for it in props["Metrics"]]
    for absent in ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions"):
        record.pop(absent)
    return record


provisioners._cw_metric_alarm_record = alarm_record_of_many
