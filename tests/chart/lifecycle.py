"""The life of a release, on the model of the API server and on a real cluster alike.

Both suites import these tests. They provide the fixtures `release`, with the same methods, `values`, which select a
database, and the charts of the next and of the first release. Under load no request may fail on the real cluster, and
no pod may be missing in the model.
"""

PATCHED, NEXT, BROKEN, FIRST = "patched", "next-works", "next-fails", "0.1.0"
NEXT_MIGRATION = "29991231000000"
OPEN = {"access": {"mode": "open"}}


def test_an_installation_serves_and_passes_helm_test(release, values):
    release.upgrade(values)
    assert release.serving() == [release.this] * 2
    assert release.schema() == release.migration
    for _ in range(2):
        done = release.helm("test", "rollcall", "--timeout", release.patience)
        assert done.returncode == 0, done.stderr


def test_an_upgrade_without_changes_changes_no_object(release, values):
    release.upgrade(values)
    before = release.generations()
    release.put_under_load()
    release.upgrade(values)
    release.assert_no_request_failed()
    assert release.generations() == before


def test_a_change_of_replicas_runs_no_job(release, values):
    release.upgrade(values)
    jobs = release.jobs()
    release.put_under_load()
    release.upgrade(values, {"replicaCount": 3})
    release.assert_no_request_failed()
    assert (release.serving(), release.jobs()) == ([release.this] * 3, jobs)


def test_another_image_has_its_own_job(release, values):
    release.upgrade(values)
    [before] = release.jobs()
    release.put_under_load()
    release.upgrade(values, tag=PATCHED)
    release.assert_no_request_failed()
    assert release.serving() == [PATCHED] * 2
    assert release.jobs() != {before}


def test_a_release_with_a_migration_and_back(release, values, next_chart):
    release.upgrade(values)
    release.put_under_load()
    release.upgrade(values, tag=NEXT, chart=next_chart)
    assert (release.serving(), release.schema()) == ([NEXT] * 2, NEXT_MIGRATION)
    done = release.helm("rollback", "rollcall", "1", "--wait", "--wait-for-jobs", "--timeout", release.patience)
    assert done.returncode == 0, done.stderr
    release.assert_no_request_failed()
    assert (release.serving(), release.schema()) == ([release.this] * 2, NEXT_MIGRATION)


def test_a_failed_migration_keeps_the_old_pods(release, values, next_chart):
    release.upgrade(values)
    release.put_under_load()
    done = release.attempt(values, tag=BROKEN, chart=next_chart)
    assert "timed out waiting for the condition" in done.stderr
    assert "already exists" in release.said("migrate")
    assert release.serving() == [release.this] * 2
    # A corrected release can be installed over the failed one.
    release.upgrade(values, tag=NEXT, chart=next_chart)
    release.assert_no_request_failed()
    assert release.serving() == [NEXT] * 2


def test_a_failed_atomic_upgrade_is_rolled_back(release, values, next_chart):
    release.upgrade(values)
    release.put_under_load()
    done = release.attempt(values, tag=BROKEN, chart=next_chart, arguments=["--atomic"])
    release.assert_no_request_failed()
    assert "has been rolled back due to atomic being set" in done.stderr
    assert "STATUS: deployed" in release.helm("status", "rollcall").stdout
    assert release.serving() == [release.this] * 2


def test_a_missing_image_keeps_the_old_pods(release, values):
    release.upgrade(values)
    release.put_under_load()
    release.attempt(values, tag="mistyped")
    release.assert_no_request_failed()
    assert release.serving() == [release.this] * 2


def test_pods_can_be_added_after_the_job_is_deleted(release, values):
    release.upgrade(values)
    release.delete_jobs()
    release.put_under_load()
    # As an autoscaler would.
    release.scale(4)
    release.assert_no_request_failed()
    assert (release.serving(), release.jobs()) == ([release.this] * 4, set())
    # Helm creates the Job again, which changes nothing.
    release.upgrade(values)
    assert (len(release.jobs()), release.schema()) == (1, release.migration)


def test_an_upgrade_from_the_first_release_needs_a_decision(release, values, first_chart):
    release.upgrade(values, tag=FIRST, chart=first_chart)
    assert release.access() is None
    # When 0.1.0 is stopped, it closes kept connections even if a request is on its way.
    release.put_under_load(keep_alive=False)
    before = release.generations()
    assert "access.mode is not set" in release.attempt(values).stderr
    # No Job has run.
    assert release.generations() == before
    release.upgrade(values, OPEN)
    release.assert_no_request_failed()
    assert (release.access(), release.serving()) == ("open", [release.this] * 2)


def test_only_an_explicit_value_ends_open_access(release, values):
    release.upgrade(values, OPEN)
    assert "Set access.mode=open" in release.attempt(values, {"replicaCount": 3}).stderr
    assert (release.access(), release.serving()) == ("open", [release.this] * 2)
    release.upgrade(values, {"access": {"mode": "token"}})
    assert release.access() == "token"
    # A release with tokens keeps them.
    release.upgrade(values, {"replicaCount": 3})
    assert (release.access(), release.serving()) == ("token", [release.this] * 3)


def test_uninstall_keeps_the_generated_password_and_the_volume(release):
    release.upgrade()
    made = release.secret("rollcall-database")
    release.put_under_load()
    release.assert_no_request_failed()
    stored = release.stored()
    assert release.helm("uninstall", "rollcall", "--wait").returncode == 0
    assert release.serving() == []
    release.upgrade()
    assert release.secret("rollcall-database") == made
    assert release.serving() == [release.this] * 2
    assert release.stored() == stored


def test_pods_wait_for_a_missing_secret(release, external):
    release.attempt(external.values)
    assert release.serving() == []
    external.add_secret("rollcall-db", external.OWNER)
    release.wait_until_serving()
    release.upgrade(external.values)
    assert release.serving() == [release.this] * 2


def test_a_separate_role_migrates(release, external):
    external.add_secret("rollcall-db", external.APP)
    release.attempt(external.values)
    assert "permission denied" in release.said("migrate")
    external.add_secret("rollcall-owner", external.OWNER)
    values = (external.values, {"migrations": {"existingSecret": "rollcall-owner"}})
    release.upgrade(*values)
    assert release.serving() == [release.this] * 2
    release.put_under_load()
    release.upgrade(*values, tag=PATCHED)
    release.assert_no_request_failed()
    assert release.serving() == [PATCHED] * 2


def test_old_entries_are_erased_with_the_owners_role(release, external):
    external.add_secret("rollcall-db", external.APP)
    external.add_secret("rollcall-owner", external.OWNER)
    retention = {"retention": {"enabled": True, "days": 365}}
    release.upgrade(external.values, {"migrations": {"existingSecret": "rollcall-owner"}}, retention)
    assert "entries erased:" in release.run_cron_job("rollcall-retention")
