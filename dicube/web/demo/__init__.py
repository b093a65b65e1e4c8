"""A small archive of made-up patients, for the first minute with `dicube web --demo`."""

from dicube.web.demo.archive import demo_server

__all__ = ["demo_server"]
