"""Says when a secret was rotated.

ministack gives a secret another version when it is asked to rotate it, and tells nobody when.
"""

import json
import time

from ministack.services import secretsmanager

describe_secret = secretsmanager._describe_secret
rotate_secret = secretsmanager._rotate_secret


def rotate_and_remember(data):
    answer = rotate_secret(data)
    if answer[0] == 200:
        _, secret = secretsmanager._resolve(data.get("SecretId"))
        secret["LastRotatedDate"] = time.time()
    return answer


def describe_with_rotation(data):
    status, headers, body = describe_secret(data)
    _, secret = secretsmanager._resolve(data.get("SecretId"))
    if status != 200 or "LastRotatedDate" not in secret:
        return status, headers, body
    said = json.loads(body)
    return secretsmanager.json_response({**said, "LastRotatedDate": secret["LastRotatedDate"]})


secretsmanager._rotate_secret = rotate_and_remember
secretsmanager._describe_secret = describe_with_rotation
