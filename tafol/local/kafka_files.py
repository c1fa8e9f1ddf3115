"""The files the local broker is started with: its settings and its log settings.

Every path in them is relative to the data folder, in which the broker runs: so a folder may be moved, and no name of
a folder needs quoting in a format that knows commas or backslashes.
"""

LOGS = "kafka"  # Kafka's own data: one folder a partition, and the cluster's metadata
BROKER_LOG = "log/broker.log"
MESSAGE_MAX_BYTES = 8 * 1024 * 1024  # a chat of 1 MiB, escaped as JSON and with its headers, must pass
REQUEST_MAX_BYTES = 16 * 1024 * 1024  # the default of 100 MB is most of a small heap


def server_properties(*, port: int, controller_port: int, logs: str = LOGS) -> str:
    """Settings of one node that is broker and controller, on the loopback address alone."""
    settings: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": logs,
        # One node: one copy of everything, few partitions for the broker's own topics.
        "default.replication.factor": 1,
        "min.insync.replicas": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 2,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        # A topic that is missing must be noticed, not made with the wrong settings.
        "auto.create.topics.enable": "false",
        # Groups: no waiting for members that will not come; short sessions are allowed, for tests.
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        # After a kill the broker's own registration must expire before it is let in again: 4 s in place of 11 s.
        "broker.session.timeout.ms": 2000,
        "broker.heartbeat.interval.ms": 500,
        # Sizes.
        "message.max.bytes": MESSAGE_MAX_BYTES,
        "replica.fetch.max.bytes": MESSAGE_MAX_BYTES,
        "replica.fetch.response.max.bytes": REQUEST_MAX_BYTES,
        "socket.request.max.bytes": REQUEST_MAX_BYTES,
        # Small: threads, and the cleaner's buffer, whose default of 128 MB ends a small heap at start.
        "num.network.threads": 1,
        "num.io.threads": 2,
        "background.threads": 2,
        "num.recovery.threads.per.data.dir": 1,
        "log.cleaner.threads": 1,
        "log.cleaner.dedupe.buffer.size": 2 * 1024 * 1024,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


LOG4J2_YAML = f"""\
Configuration:
  status: error
  Appenders:
    RollingFile:
      name: file
      fileName: {BROKER_LOG}
      filePattern: {BROKER_LOG}.%i
      PatternLayout:
        pattern: "%d{{yyyy-MM-dd'T'HH:mm:ss,SSSXXX}} %-5p %m (%c)%n"
      Policies:
        SizeBasedTriggeringPolicy:
          size: 10 MB
      DefaultRolloverStrategy:
        max: 3
  Loggers:
    Root:
      level: INFO
      AppenderRef:
        ref: file
"""
