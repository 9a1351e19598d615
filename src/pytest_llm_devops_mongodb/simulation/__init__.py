"""Tests marked `mongo_simulation`: each recorded once against a real server, and replayed from then on without one.

One module a noun: `settings` is what options and configuration files say, `marks` what a test's marker says, `paths`
where its recording is, `simulated_test` the one test that runs, `modules` what was collected, `findings` what the run
tells at its end, `server` the server that may not be there, `run` the hooks that join them, and `fixtures` what pytest
hands out. Nothing here loads the library before a marked test runs.
"""
