"""Tags of images that are taken off.

ministack deletes an image with any of its tags. At ECR an image goes with its last one only.
"""

import json

from ministack.services import ecr

delete_images = ecr._batch_delete_image


def delete_tags_or_images(data):
    name = data.get("repositoryName", "")
    rest, untagged = [], []
    for image_id in data.get("imageIds", []):
        tag = image_id.get("imageTag")
        image = ecr._find_image(name, image_id) if tag else None
        tags = (image or {}).get("imageTags", [])
        if tag in tags and len(tags) > 1:
            tags.remove(tag)
            image["imageId"]["imageTag"] = tags[-1]
            untagged.append({"imageDigest": image["imageDigest"], "imageTag": tag})
        else:
            rest.append(image_id)
    status, headers, body = delete_images({**data, "imageIds": rest})
    if status != 200:
        return status, headers, body
    said = json.loads(body)
    return ecr.json_response({**said, "imageIds": said["imageIds"] + untagged})


ecr._batch_delete_image = delete_tags_or_images
