"""Run events on their way to sockets: a capped replay list and publish/subscribe in Redis.

The database numbers and keeps every event (training.events); what lies here is a copy that may be lost.
"""
