"""Keep tasks within bounds for a time, whatever events ask for.

  set    keep tasks within --min, --max or both; --for and --reason are required. It takes effect at once, ends by
         itself, and is shown with its reason and your name in GET /tasks/… and the log
  clear  remove the bounds of tasks
  list   show which tasks have bounds, and whose they are

All three take one task (--app, --room and --task), or all known tasks of an application or a room; `list` alone takes
all.

  ./tuner bounds set --url URL --app APP --room ROOM --task TASK --max 5 --for 30m --reason "incident 4711"
  ./tuner bounds set --url URL --app APP --min 30 --max 30 --for 2h --reason "provider asked for less"
  ./tuner bounds list --url URL
  ./tuner bounds clear --url URL --app APP

For a URL with HTTP_AUTH=iam it uses AWS's usual credentials (environment, profile, SSO, …); for one with
HTTP_AUTH=signature a bearer token of OPERATOR_TOKENS, from the variable TUNER_TOKEN.
"""

from devkit.tuner.bounds.command import add_arguments, run

__all__ = ["add_arguments", "run"]
