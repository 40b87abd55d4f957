"""Each command's exit code and JSON document, on a studio of its own and without Prefect."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from engine.batch_plan import plan_batch, read_file
from engine.batch_start import start_batch
from interfaces.cli.opening import opened_studio
from studio.errors import OutcomeUnknown
from tests.unit.cli.conftest import Command

_ROWS = "row,operation,prompt,width,height\nfox,generate,a fox,64,64\nowl,generate,an owl,64,64\n"


@pytest.fixture
def csv(tmp_path: Path) -> str:
    file = tmp_path / "two.csv"
    file.write_text(_ROWS, encoding="utf-8")
    return str(file)


def test_wallet_from_nothing_to_history(studio_command: Command) -> None:
    missing = studio_command("account", "show", "--json")
    assert missing.code == 3
    assert missing.document["error"]["code"] == "account_refused"

    assert studio_command("account", "open", "--json").document["available"] == 0
    first = studio_command("account", "top-up", "2.5", "--key", "k", "--author", "a", "--json")
    again = studio_command("account", "top-up", "2.5", "--key", "k", "--author", "a", "--json")
    assert (first.code, again.code) == (0, 0)
    assert (first.document["added"], again.document["added"]) == (2_500_000, 0)
    assert again.document["available_credits"] == "2.5"

    other = studio_command("account", "top-up", "3", "--key", "k", "--author", "a", "--json")
    assert (other.code, other.document["error"]["code"]) == (2, "conflict")

    entries = studio_command("account", "history", "--json").document["entries"]
    assert [(each["kind"], each["available"]) for each in entries] == [("top_up", 2_500_000)]
    assert "topped up by hand" in studio_command("account", "history").out


def test_owners_do_not_see_each_other(studio_command: Command) -> None:
    studio_command("account", "top-up", "5", "--owner", "ann")
    assert studio_command("--owner", "ann", "account", "show", "--json").document["owner"] == "ann"
    assert studio_command("account", "show", "--owner", "bob").code == 3


def test_quote(studio_command: Command) -> None:
    told = studio_command("quote", "generate", "--prompt", "a fox", "--json")
    assert told.code == 0
    document = told.document
    assert document["operation"]["width"] == 1024
    assert document["quote"]["total"] == sum(each["amount"] for each in document["quote"]["lines"])
    assert document["offers"][0]["offer"] == "local/illustrator"
    assert "local/illustrator" in studio_command("quote", "generate", "--prompt", "a fox").out


def test_every_wrong_field_is_named_at_once(studio_command: Command) -> None:
    words = ("quote", "generate", "--prompt", "x", "--width", "5000", "--height", "tall")
    told = studio_command(*words, "--quality", "best", "--json")
    assert told.code == 2
    problems = told.document["error"]["problems"]
    assert {each["field"] for each in problems} == {"width", "height", "quality"}
    shown = studio_command(*words)
    assert shown.out == ""
    assert "5000" in shown.err
    assert "tall" in shown.err


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["batch", "chek"],
        ["quote", "generate"],
        ["quote", "generate", "--prompt"],
        ["quote", "generate", "--prompt", "x", "--colour", "red"],
        ["quote", "upscale", "--image", "https://example.org/a.png"],
        ["run", "upscale", "--image", "/nowhere.png"],
        ["batch", "check", "/nowhere.csv"],
        ["batch", "run", "/nowhere.csv"],
        ["batch", "status", "bat_nowhere"],
        ["account", "top-up", "2,5"],
        ["account", "top-up", "0"],
        ["library", "show", "ast_nowhere"],
        ["library", "list", "--limit", "0"],
        ["account", "history", "--limit", "0"],
        ["account", "history", "--limit", "501"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2_with_one_document_and_no_traceback(
    words: list[str], studio_command: Command
) -> None:
    told = studio_command(*words, "--json")
    assert told.code == 2
    assert told.document["error"]["message"]
    shown = studio_command(*words)
    assert (shown.code, shown.out) == (2, "")
    assert shown.err.startswith("Error: ")


def test_batch_check_tells_the_price_and_spends_nothing(studio_command: Command, csv: str) -> None:
    without = studio_command("batch", "check", csv, "--json").document
    assert without["enough"] is False
    assert "available" not in without
    studio_command("account", "top-up", "10")
    told = studio_command("batch", "check", csv, "--json")
    assert told.code == 0
    document = told.document
    assert [row["row"] for row in document["rows"]] == ["fox", "owl"]
    assert document["total"] == sum(row["price"] for row in document["rows"]) > 0
    assert document["after"] == 10_000_000 - document["total"]
    assert all(row["free"] is None for row in document["rows"])
    assert studio_command("account", "show", "--json").document["held"] == 0
    assert "all in order" in studio_command("batch", "check", csv).out


def test_the_gate_refuses_before_prefect_starts(studio_command: Command, csv: str) -> None:
    studio_command("account", "top-up", "0.1")
    for words in (["batch", "run", csv], ["run", "generate", "--prompt", "a fox"]):
        told = studio_command(*words, "--json")
        assert told.code == 3
        assert told.document["error"]["code"] == "not_enough_credits"
        assert "top-up" in told.document["error"]["message"]
    assert studio_command("batch", "status", "--json").document == {"batches": []}


def test_library_of_what_was_brought_in(studio_command: Command, tmp_path: Path) -> None:
    photo = Path(__file__).parents[3] / "examples" / "photos" / "rocket.jpg"
    if not photo.exists():
        from PIL import Image

        photo = tmp_path / "rocket.jpg"
        Image.new("RGB", (64, 64), "red").save(photo)
    studio_command("quote", "upscale", "--image", str(photo))
    (asset,) = studio_command("library", "list", "--json").document["assets"]
    assert asset["operation"] == "import"
    shown = studio_command("library", "show", asset["asset"])
    assert "brought in from a file" in shown.out

    target = tmp_path / "copy.jpg"
    words = ("library", "export", asset["asset"], "--to", str(target), "--json")
    assert studio_command(*words).document["file"] == str(target)
    assert target.read_bytes() == photo.read_bytes()
    assert studio_command(*words).code == 0
    target.write_bytes(b"mine")
    assert studio_command(*words).code == 2
    assert target.read_bytes() == b"mine"
    assert studio_command(*words, "--force").code == 0


def test_doctor_says_what_is_missing_and_changes_nothing(
    studio_command: Command, home: Path
) -> None:
    told = studio_command("doctor", "--json")
    assert told.code == 4
    checks = {each["name"]: each for each in told.document["checks"]}
    assert checks["database"]["state"] == "fault"
    assert "studio setup" in checks["database"]["remedy"]
    assert not home.exists()

    studio_command("account", "top-up", "1")
    checks = {
        each["name"]: each["state"]
        for each in studio_command("doctor", "--json").document["checks"]
    }
    del checks["weights"]  # whether they are there is not this test's business
    assert checks.pop("Prefect server") == "note"
    assert set(checks.values()) == {"ok"}


def test_a_wrong_setting_is_named(studio_command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_WIDTH", "wide")
    told = studio_command("account", "show", "--json")
    assert told.code == 4
    assert told.document["error"]["field"] == "STUDIO_WIDTH"


def test_a_database_that_cannot_be_used_is_4(
    studio_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_DATABASE_URL", "nonsense")
    told = studio_command("account", "show", "--json")
    assert told.code == 4
    assert told.document["error"]["code"] == "studio_unavailable"


def test_nothing_in_a_file_steers_the_terminal(studio_command: Command, tmp_path: Path) -> None:
    file = tmp_path / "evil.csv"
    file.write_text("row,operation,prompt\n\x1b[31mred,generate,x\n", encoding="utf-8")
    told = studio_command("batch", "check", str(file))
    assert told.code == 2
    assert "\x1b[31mred" not in told.out + told.err
    assert json.loads(studio_command("batch", "check", str(file), "--json").out)


def test_a_file_of_many_rows_is_told_of_quickly_and_whole(
    studio_command: Command, tmp_path: Path
) -> None:
    file = tmp_path / "many.csv"
    lines = [f"r{number},generate,fox {number}\n" for number in range(250)]
    file.write_text("row,operation,prompt\n" + "".join(lines))
    rows = studio_command("batch", "check", str(file), "--json").document["rows"]
    assert [row["row"] for row in rows] == [f"r{number}" for number in range(250)]
    assert "... and 50 more rows" in studio_command("batch", "check", str(file)).out
    file.write_text("row,operation,prompt\n" + "".join(lines).replace("generate", "generat"))
    faults = studio_command("batch", "check", str(file), "--json").document["error"]
    assert len(faults["problems"]) == 250
    told = studio_command("batch", "check", str(file)).out
    assert all(f"\nline {line}, operation: must be one of" in told for line in range(202, 252))


def test_a_batch_may_be_given_short_and_its_faulty_rows_kept(
    studio_command: Command, tmp_path: Path
) -> None:
    file, errors = tmp_path / "f.csv", tmp_path / "errors.csv"
    file.write_text("row;prompt;colour\na;a {colour} fox;red\nb;;red\n", encoding="utf-16")
    words = ["batch", "check", str(file), "--operation", "generate | upscale 4x"]
    words += ["--set", "quality=draft", "--set", "width=512"]
    told = studio_command(*words, "--errors", str(errors), "--json")
    assert told.code == 2
    faults = [(it["row"], it["field"]) for it in told.document["error"]["problems"]]
    assert faults == [("b", "prompt")]
    assert errors.read_text(encoding="utf-8-sig").splitlines() == [
        "row,prompt,colour,fault_line,faults",
        "b,,red,3,prompt: is required",
    ]
    told = studio_command(*words, "--skip-invalid", "--json")
    assert told.code == 0
    assert [row["row"] for row in told.document["rows"]] == ["a", "a.2"]
    assert {it["row"] for it in told.document["left_out"]} == {"b", "b.2"}
    assert "Left out: 2 rows" in studio_command(*words, "--skip-invalid").out
    wrong = studio_command(*words, "--set", "qualty=draft", "--json")
    assert (wrong.code, wrong.document["error"]["given"]) == (2, "qualty")


def test_templates_are_printed_or_written(studio_command: Command, tmp_path: Path) -> None:
    shown = studio_command("batch", "template", "compress")
    assert shown.out.splitlines()[1].startswith("example,compress,")
    for ending in ("csv", "jsonl", "xlsx"):
        path = tmp_path / f"t.{ending}"
        assert studio_command("batch", "template", "generate", "--to", str(path)).code == 0
        assert studio_command("batch", "check", str(path)).code == 0
    assert studio_command("batch", "template", "nothing").code == 2
    assert (
        studio_command("batch", "template", "generate", "--to", str(tmp_path / "t.doc")).code == 2
    )


@pytest.mark.parametrize("verb", ["manifest", "errors", "zip", "sheet"])
def test_what_a_batch_left_is_told_of_no_batch_that_is_not_there(
    studio_command: Command, verb: str
) -> None:
    told = studio_command("batch", verb, "bat_00000000000000000000", "--json")
    assert told.document["error"]["code"] == "not_found"


def test_rows_that_may_have_been_bought_are_not_called_done(
    studio_command: Command, tmp_path: Path
) -> None:
    """An errors file has none of them: it would buy them again."""
    csv = tmp_path / "b.csv"
    csv.write_text("operation,prompt,provider\ngenerate,a fox,local\n")
    studio_command("account", "top-up", "1000")
    with opened_studio() as studio:
        data = csv.read_bytes()
        spec = read_file(studio, data, source="b.csv", owner="demo", folder=tmp_path)
        running = start_batch(studio, plan_batch(studio, spec), "run")
        running.hold_for(running.quote(), "run/1")
        for row in spec.rows:
            running.end(row, "unknown", OutcomeUnknown("cut off", provider="local"))
        running.finish()
    told = studio_command("batch", "errors", spec.id)
    assert "Every row is done" not in told.out
    assert "1 row may have been bought" in told.out


def test_a_quote_says_that_of_an_animation_one_frame_is_used(
    studio_command: Command, tmp_path: Path
) -> None:
    frames = [Image.new("RGB", (64, 64), (80 * number, 9, 200)) for number in range(3)]
    file = tmp_path / "a.gif"
    frames[0].save(file, save_all=True, append_images=frames[1:], duration=100)
    told = studio_command("quote", "upscale", "--image", str(file), "--json")
    words = "image: a.gif is an animation, and only the first of its 3 frames is used."
    assert told.document["losses"] == [words]
    shown = studio_command("quote", "upscale", "--image", str(file)).out
    assert words in " ".join(shown.split())


def test_the_file_of_faulty_rows_has_those_that_build_on_them(
    studio_command: Command, tmp_path: Path
) -> None:
    head = "row,operation,prompt,image,factor,width,provider"
    fox, large = "fox,generate,a fox,,,8,local", "large,upscale,,@fox,2x,,local"
    sheet, mend = tmp_path / "b.csv", tmp_path / "mend.csv"
    sheet.write_text(f"{head}\n{fox}\n{large}\nowl,generate,an owl,,,64,local\n")
    told = studio_command("batch", "check", str(sheet), "--errors", str(mend), "--json")
    assert (told.code, told.document["error"]["code"]) == (2, "batch_invalid")
    kept = mend.read_text("utf-8-sig")
    assert [line.split(",")[0] for line in kept.splitlines()] == ["row", "fox", "large"]
    mend.write_text(kept.replace(",8,local", ",64,local"))
    mended = studio_command("batch", "check", str(mend), "--json")
    assert [row["row"] for row in mended.document["rows"]] == ["fox", "large"]


def test_a_batch_is_told_what_of_its_rows_is_not_used(
    studio_command: Command, tmp_path: Path
) -> None:
    sheet = tmp_path / "b.csv"
    rows = [f"generate,hill {number},line-artt,local" for number in range(2)]
    sheet.write_text("\n".join(["operation,prompt,style,provider", *rows, ""]))
    (loss,) = studio_command("batch", "check", str(sheet), "--json").document["losses"]
    assert (loss["rows"], len(loss["first"])) == (2, 2)
    assert "there is no style 'line-artt'" in loss["words"]
    for verb in ("check", "quote"):
        shown = " ".join(studio_command("batch", verb, str(sheet)).out.split())
        assert "there is no style 'line-artt'" in shown


@pytest.mark.parametrize(
    ("style", "said"), [("Line Art", ""), ("line-artt", "line-art"), ("nosuchstyle", "allowed: ")]
)
def test_a_quote_says_that_an_unknown_style_is_left_out_on_this_machine(
    studio_command: Command, style: str, said: str
) -> None:
    asked = ("quote", "generate", "--prompt", "a fox", "--style", style, "--json")
    losses = studio_command(*asked).document["losses"]
    assert len(losses) == bool(said)
    assert said in "".join(losses)
