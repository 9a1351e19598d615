from llm_devops_mongodb.spelling import hint, nearest


def test_the_nearest_name_is_found_in_any_case():
    assert nearest("MAXPOOLSISE", ["maxPoolSize", "minPoolSize"]) == "maxPoolSize"


def test_a_name_far_from_all_others_has_no_nearest():
    assert nearest("colour", ["maxPoolSize"]) is None
    assert hint("colour", ["maxPoolSize"]) == ""


def test_a_hint_names_the_nearest():
    assert hint("jurnal", ["journal", "w"]) == "; did you mean 'journal'?"


def test_the_likeness_asked_for_decides():
    assert nearest("timeout_ms", ["timeout"], likeness=0.5) == "timeout"
    assert nearest("timeout_ms", ["timeout"], likeness=0.95) is None
