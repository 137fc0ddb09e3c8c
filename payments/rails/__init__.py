"""The ways to pay, by name."""

from payments.rails.manual import ManualRail
from payments.rails.rail import Rail
from payments.rails.sandbox import SandboxRail

RAILS: dict[str, Rail] = {rail.key: rail for rail in (ManualRail(), SandboxRail())}
