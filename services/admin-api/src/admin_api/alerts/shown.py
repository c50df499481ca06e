"""From the service alerts' answers to replies."""

import msgspec

from admin_api.alerts.schemas import Alert
from common.events.alerts import AlertView


def shown(view: AlertView) -> Alert:
    return Alert.model_validate(msgspec.to_builtins(view))
