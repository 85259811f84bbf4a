"""socketify, which is uWebSockets below Python: subscribers are in one topic, and what a publisher sends is published there."""

import sys

from socketify import App, AppListenOptions

app = App()
limits = {"max_payload_length": 1 << 20, "max_backpressure": 64 << 20, "compression": 0}
app.ws("/sub", {**limits, "open": lambda client: client.subscribe("room")})
app.ws("/pub", {**limits, "message": lambda client, event, kind: app.publish("room", event, kind)})
app.listen(AppListenOptions(port=int(sys.argv[1]), host="127.0.0.1"), lambda _: None)
app.run()
