"""A strict emulator of Hugging Face: the hub's look-ups and the router with what is behind it.

It reads the contract by itself and shares no code with the adapter. Errors come in the shapes that
the real ones have: a text, an object, a list of problems, an envelope of WaveSpeed's. Work is
billed when it is taken; only what answers 2xx or 3xx is billed in the end, so what fails later is
refunded. ``outcomes`` (or ``[name]`` in a prompt) says how the next pieces of work end; the names
are in ``OUTCOMES``.
"""

from __future__ import annotations

import base64
import json
from collections import defaultdict, deque
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, ClassVar

from tests.contract.emulators.base import (
    Answer,
    Call,
    Emulator,
    json_answer,
    read_picture,
    spoil,
)
from tests.contract.emulators.huggingface_chat import NotSupported, checked, written
from tests.contract.emulators.huggingface_jobs import Job, Jobs, drawn
from tests.contract.emulators.huggingface_rules import (
    CHAT,
    CHECKS,
    LARGEST_BODY,
    MODELS,
    Asked,
    Served,
    Wrong,
)

_DEPLETED = """\
You have depleted your monthly included credits. Purchase pre-paid credits to continue using \
Inference Providers. Alternatively, subscribe to PRO to get 20x more included usage.
You have no remaining credits. Purchase pre-paid credits to continue using Inference Providers.
You have exceeded your monthly included credits for Inference Providers. Subscribe to PRO to get \
20x more monthly included credits.""".splitlines()
OUTCOMES = frozenset(
    {
        *("nsfw", "black", "empty", "odd", "failed", "failed_nsfw", "failed_input", "canceled"),
        *("stuck", "slow", "foreign", "broken_result", "policy", "private", "lost", "opaque"),
        *("nameless", "refused", "filtered", "cut_off", "prose", "fenced", "wordless", "other"),
        *("unsure", "silent"),
    }
)
"""Ends that a piece of work can be told to come to; who knows which is in ``huggingface_jobs``."""


_LOOKS = ("faces", "safe_for_work")


class HuggingFaceEmulator(Jobs, Emulator):
    """Hub and router on one address on loopback.

    Attributes:
        funds: nano-dollars that may be spent.
        depleted: which of the three texts a 402 has.
        scoped: whether the token may call inference providers.
        as_list: whether the hub writes a mapping as a list.
        names: other ids of models, by hub model and provider, from now on.
        states: other states of entries than ``live``, by hub model and provider.
        gone: models that hf-inference does not serve any more (410).
        scripted: answers that come instead of the real ones, by the answering method's name.
        orders: path and body of all requests for work that were taken.
        billed_to: the ``X-HF-Bill-To`` of all requests with a token; empty where there was none.
        hub_tokens: how many requests at the hub came with a token.
    """

    name: ClassVar[str] = "huggingface"
    key: ClassVar[str] = "hf_emulatedTokenOfHuggingFace1234"
    unit: ClassVar[str] = "nano-USD"
    routes: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("GET", r"/api/models/(?P<model>[^/]+/[^/]+)", "model"),
        ("GET", r"/v1/models", "chat_models"),
        ("POST", r"/v1/chat/completions", "chat"),
        ("POST", r"/hf-inference/models/(?P<model>.+)", "hf_inference"),
        ("POST", r"/replicate/v1/models/(?P<model>.+)/predictions", "replicate"),
        ("POST", r"/replicate/v1/predictions", "replicate"),
        ("GET", r"/replicate/v1/predictions/(?P<id>[^/]+)", "replicate_status"),
        ("POST", r"/(?P<provider>together|nscale)/v1/images/generations", "openai"),
        ("GET", r"/wavespeed/api/v3/predictions/(?P<id>[^/]+)(?:/result)?", "wavespeed_result"),
        ("POST", r"/wavespeed/api/v3/(?P<model>.+)", "wavespeed"),
        ("GET", r"/fal-ai/(?P<app>.+)/requests/(?P<id>[^/]+)/status", "fal_status"),
        ("GET", r"/fal-ai/(?P<app>.+)/requests/(?P<id>[^/]+)", "fal_result"),
        ("POST", r"/fal-ai/(?P<model>.+)", "fal"),
        ("GET", r"/files/(?P<id>[\w.-]+)", "file"),
    )

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.funds = 10**12
        self.depleted = 0
        self.scoped = True
        self.as_list = False
        self.names: dict[tuple[str, str], str] = {}
        self.states: dict[tuple[str, str], str] = {}
        self.gone: set[str] = set()
        self.scripted: defaultdict[str, deque[Answer]] = defaultdict(deque)
        self.orders: list[tuple[str, dict[str, Any]]] = []
        self.accepted: list[str] = []
        self.billed_to: list[str] = []
        self.hub_tokens = 0

    def reset(self) -> None:
        """Forget everything, as if it had just been started."""
        type(self).__init__(self, self._port)

    # --- The hub --------------------------------------------------------------------------------

    def model(self, call: Call) -> Answer:
        self.hub_tokens += "authorization" in call.headers
        if self.scripted["model"]:
            return self.scripted["model"].popleft()
        name = call.match["model"]
        if name not in MODELS:
            # Who may not see a model is told the same as who asks for one that is not there.
            return json_answer(401, {"error": "Invalid username or password."})
        expand = call.query.get("expand[]", call.query.get("expand"))
        answer: dict[str, Any] = {"_id": "66aaa", "id": name}
        if expand == "inferenceProviderMapping":
            answer["inferenceProviderMapping"] = self._mapping(name)
        return json_answer(200, answer)

    def _mapping(self, name: str) -> Any:
        entries: dict[str, dict[str, Any]] = {}
        for provider, served in MODELS[name].items():
            status = self.states.get((name, provider), "live")
            if status == "none":
                continue
            entries[provider] = {
                "status": status,
                "providerId": self.names.get((name, provider), served.id),
                "task": served.task,
                "isModelAuthor": False,
                "type": "single-model",
            }
        if not self.as_list:
            return entries
        return [{"provider": provider, **entry} for provider, entry in entries.items()]

    # --- Who asks -------------------------------------------------------------------------------

    def refused(self, call: Call) -> Answer | None:
        """Return the refusal of a token; nothing else is looked at before."""
        given = call.headers.get("authorization", "")
        if given != f"Bearer {self.key}" or not given.startswith("Bearer hf_"):
            return json_answer(401, {"error": "Invalid credentials in Authorization header"})
        self.billed_to.append(call.headers.get("x-hf-bill-to", ""))
        if not self.scoped:
            words = (
                "This authentication method does not have sufficient permissions to call Inference "
                "Providers on behalf of user somebody"
            )
            return json_answer(403, {"error": words})
        return None

    def _hindered(self, call: Call, route: str) -> Answer | None:
        """Return what comes before any work: the token, money, size, faults, scripts."""
        self.begin(self.work)
        refused = self.refused(call)
        if refused:
            return refused
        if self.scripted[route]:
            return self.scripted[route].popleft()
        return self._full(call) or self._busy()

    def _full(self, call: Call) -> Answer | None:
        if self.billed >= self.funds:
            return json_answer(402, {"error": _DEPLETED[self.depleted]}, self._id())
        if len(call.body) > LARGEST_BODY:
            return json_answer(413, {"error": "Request Entity Too Large"})
        return None

    def _busy(self) -> Answer | None:
        if self.fault == "busy":
            words = {"error": "Model is currently loading", "estimated_time": 0.02}
            return json_answer(503, words)
        if self.fault == "limit":
            limit = {"ratelimit": '"inference";r=0;t=0'}
            return json_answer(429, {"error": "Too many requests"}, limit)
        return None

    def _id(self) -> dict[str, str]:
        return {"x-request-id": f"Root=1-{len(self.accepted) + self.requests.total():08x}"}

    def _served(self, provider: str, identifier: str) -> tuple[str, Served] | None:
        """Find a model by what its provider calls it now."""
        for name, entries in MODELS.items():
            served = entries.get(provider)
            if served is None or self.states.get((name, provider)) == "none":
                continue
            if self.names.get((name, provider), served.id) == identifier:
                return name, served
        return None

    def _json(self, call: Call) -> Any:
        if call.content_type != "application/json":
            raise Wrong("body", "must be application/json")
        try:
            return call.json()
        except ValueError:
            raise Wrong("body", "must be JSON") from None

    def _take(self, call: Call, provider: str, served: Served, asked: Asked, body: Any) -> Job:
        """Bill the work, and begin it."""
        job = self.begin_job(provider, served, asked)
        self.orders.append((call.path, body))
        meaning = json.dumps([provider, served.id, body], sort_keys=True)
        work = sha256(meaning.encode()).hexdigest()
        self.bill(f"{provider} {served.id}", work, served.cost(*asked.size), job.id)
        return job

    # --- hf-inference ---------------------------------------------------------------------------

    def hf_inference(self, call: Call) -> Answer:
        hindered = self._hindered(call, "hf_inference")
        if hindered:
            return hindered
        name = call.match["model"]
        served = MODELS.get(name, {}).get("hf-inference")
        if served is None or name in self.gone:
            return _absent(name, known=served is not None)
        try:
            if served.task == "image-classification":
                return self._classified(call, served)
            body = self._json(call)
            asked = CHECKS["hf-inference"](body, served)
        except Wrong as wrong:
            return json_answer(400, {"error": [f"{wrong.name}: {wrong}"]}, self._id())
        job = self._take(call, "hf-inference", served, asked, body)
        if job.outcome == "odd":
            return json_answer(200, [{"label": "normal", "score": 1.0}], self._id())
        headers = {"content-type": "image/jpeg", **self._id()}
        return Answer(200, drawn(job), headers, file=True)

    def _classified(self, call: Call, served: Served) -> Answer:
        """Classify a picture: raw bytes without parameters, base64 in JSON with them."""
        most = 5
        if call.content_type.startswith("image/"):
            data = call.body
        else:
            body = self._json(call)
            parameters = body.get("parameters") or {}
            if set(parameters) - {"function_to_apply", "top_k"}:
                raise Wrong("parameters", "has unknown fields")
            if parameters.get("function_to_apply", "none") not in {"sigmoid", "softmax", "none"}:
                raise Wrong("function_to_apply", "must be sigmoid, softmax or none")
            most = parameters.get("top_k", most)
            data = base64.b64decode(body["inputs"], validate=True)
        try:
            read_picture(data)
        except ValueError:
            raise Wrong("inputs", "is no image") from None
        self.bill("classification", sha256(data).hexdigest(), served.price)
        labels = [{"label": "normal", "score": 0.98}, {"label": "nsfw", "score": 0.02}]
        return json_answer(200, labels[:most], self._id())

    # --- Together and nscale --------------------------------------------------------------------

    def openai(self, call: Call) -> Answer:
        provider = call.match["provider"]
        hindered = self._hindered(call, "openai")
        if hindered:
            return hindered
        try:
            body = self._json(call)
            model = str(body.get("model", "")) if isinstance(body, dict) else ""
            found = self._served(provider, model)
            if found is None:
                return _object(404, f"Unable to access model {model}", "model", "model_not_found")
            asked = CHECKS[provider](body, found[1])
        except Wrong as wrong:
            if provider == "nscale":
                return _problems(wrong)
            return _object(400, str(wrong), wrong.name, "invalid_parameter")
        job = self._take(call, provider, found[1], asked, body)
        data, _, _ = spoil(drawn(job), {}, self.fault)
        first: dict[str, Any] = {"index": 0, "b64_json": base64.b64encode(data).decode()}
        if job.outcome == "private":
            first = {"index": 0, "url": f"{self.url}{self.put(job)}"}
        odd = {"empty": [], "odd": [{"b64_json": "*no base64*"}], "other": "no list"}
        answer = {"id": job.id, "model": body["model"], "data": odd.get(job.outcome, [first])}
        return json_answer(200, answer, self._id())

    # --- Chat -----------------------------------------------------------------------------------

    def chat_models(self, call: Call) -> Answer:
        refused = self.refused(call)
        if refused:
            return refused
        models = [
            {
                "id": name,
                "object": "model",
                "architecture": {"input_modalities": ["text", "image"]},
                "providers": [
                    {"provider": provider, "status": "live", "supports_structured_output": keeps}
                    for provider, keeps in providers.items()
                ],
            }
            for name, providers in CHAT.items()
        ]
        return json_answer(200, {"object": "list", "data": models})

    def chat(self, call: Call) -> Answer:
        hindered = self._hindered(call, "chat")
        if hindered:
            return hindered
        try:
            body = self._json(call)
            model, provider, schema, words = checked(body)
        except NotSupported as error:
            text = (
                f"The requested model '{error}' is not supported by any provider you have enabled."
            )
            return _object(400, text, "model", "model_not_supported")
        except Wrong as wrong:
            return _object(422, str(wrong), wrong.name, "invalid_parameter")
        outcome = self.next_outcome(words)
        self.orders.append((call.path, body))
        meaning = sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        self.bill(f"{provider} {model}", meaning, 1_500_000)
        answer = _completion(model, outcome, written(schema, words))
        return json_answer(200, answer, self._id())

    # --- Answers --------------------------------------------------------------------------------

    def not_found(self, call: Call) -> Answer:
        return json_answer(404, {"error": "Not Found"})

    def broken(self) -> Answer:
        return json_answer(500, {"error": "Internal Server Error"})


def _completion(model: str, outcome: str, content: str) -> Mapping[str, Any]:
    """Return a chat completion, odd in the way that was told."""
    message: dict[str, Any] = {"role": "assistant", "content": content}
    reason = {"cut_off": "length", "filtered": "content_filter"}.get(outcome, "stop")
    if outcome == "cut_off":
        message["content"] = content[: len(content) // 2]
    elif outcome == "refused":
        message |= {"content": None, "refusal": "I cannot help with that."}
    elif outcome == "prose":
        message["content"] = "Here is what I see: a lighthouse."
    elif outcome == "fenced":
        message["content"] = f"```json\n{content}\n```"
    elif outcome == "unsure":
        message["content"] = json.dumps(json.loads(content) | {"faces": "two", "safe_for_work": 1})
    elif outcome == "silent":
        said = json.loads(content)
        message["content"] = json.dumps({k: v for k, v in said.items() if k not in _LOOKS})
    elif outcome == "wordless":
        message["content"] = ""
    elif outcome == "other":
        message["content"] = json.dumps({"caption": 7, "tags": "sea", "prompt": ["a"]})
    choices = [] if outcome == "empty" else [{"index": 0, "message": message}]
    for choice in choices:
        choice["finish_reason"] = reason
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": model,
        "choices": choices,
        "usage": {"prompt_tokens": 900, "completion_tokens": 80, "total_tokens": 980},
    }


def _absent(name: str, *, known: bool) -> Answer:
    if known:
        return json_answer(410, {"error": f"The requested model {name} is deprecated"})
    return json_answer(400, {"error": "Model not supported by provider hf-inference"})


def _object(status: int, words: str, param: str, code: str) -> Answer:
    error = {"message": words, "type": "invalid_request_error", "param": param, "code": code}
    return json_answer(status, {"error": error})


def _problems(wrong: Wrong) -> Answer:
    problem = {"loc": ["body", wrong.name], "msg": str(wrong), "type": wrong.kind}
    return json_answer(422, {"detail": [problem]})


EMULATOR = HuggingFaceEmulator
