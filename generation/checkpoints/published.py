"""The published checkpoints of the eight generators: where they are, at which revision, under which licence."""

from dataclasses import replace

from generation.checkpoints.checkpoint import Checkpoint, Place, PublishedFile

_OPENAI_WEIGHTS = "https://openaipublic.blob.core.windows.net/diffusion/dec-2021"
_OPENAI_VOCABULARY = (
    "https://raw.githubusercontent.com/openai/glide-text2im/69b530740eb6cef69442d6180579ef5ba9ef063e"
    "/glide_text2im/tokenizer"
)

KANDINSKY_PRIOR = Place("kandinsky-community/kandinsky-2-2-prior", "9fc51ad5732afc5d031724219d22e6c42179c5a8")
"""From text to image embeddings; the decoder of any Kandinsky 2.2 works with it."""

PUBLISHED: dict[str, Checkpoint] = {
    # Stability AI withdrew its own copy, stabilityai/stable-diffusion-2-inpainting, in November 2025
    "sd2": Checkpoint(
        repository="sd2-community/stable-diffusion-2-inpainting",
        revision="5f74973cbb64c8568780732c17f43eb269d63a0d",
        license="CreativeML Open RAIL++-M",
        license_url="https://huggingface.co/stabilityai/stable-diffusion-2/blob/main/LICENSE-MODEL",
        gigabytes=5.2,
    ),
    "sd3.5": Checkpoint(
        repository="stabilityai/stable-diffusion-3.5-medium",
        revision="b940f670f0eda2d07fbb75229e779da1ad11eb80",
        license="Stability AI Community License",
        license_url="https://huggingface.co/stabilityai/stable-diffusion-3.5-medium/blob/main/LICENSE.md",
        gigabytes=16.3,
        gated=True,
    ),
    "sdxl": Checkpoint(
        repository="stabilityai/stable-diffusion-xl-base-1.0",
        revision="462165984030d82259a11f4367a4eed129e94a7b",
        license="CreativeML Open RAIL++-M",
        license_url="https://huggingface.co/stabilityai/stable-diffusion-xl-base-1.0/blob/main/LICENSE.md",
        gigabytes=6.9,
        variant="fp16",
    ),
    "flux.1": Checkpoint(
        repository="black-forest-labs/FLUX.1-dev",
        revision="3de623fc3c33e44ffbe2bad470d0f45bccf2eb21",
        license="FLUX.1 [dev] Non-Commercial License",
        license_url="https://huggingface.co/black-forest-labs/FLUX.1-dev/blob/main/LICENSE.md",
        gigabytes=33.7,
        gated=True,
    ),
    # OpenAI has it on no Hub: the weights lie on its own server, the vocabulary in its package
    "glide": Checkpoint(
        repository="openai/glide-text2im",
        revision="69b530740eb6cef69442d6180579ef5ba9ef063e",
        license="MIT",
        license_url="https://github.com/openai/glide-text2im/blob/main/LICENSE",
        gigabytes=3.1,
        files=(
            # OpenAI states no digests of the weights: they are compared with the MD5 that its server gives
            PublishedFile(f"{_OPENAI_WEIGHTS}/base_inpaint.pt"),
            PublishedFile(f"{_OPENAI_WEIGHTS}/upsample_inpaint.pt"),
            # of the files in the repository at this revision
            PublishedFile(
                f"{_OPENAI_VOCABULARY}/encoder.json.gz",
                "4debc1cf25180021b07744bc9f4488d53c7bf112c8ce5de8097c6a7518f4ec7c",
            ),
            PublishedFile(
                f"{_OPENAI_VOCABULARY}/vocab.bpe.gz",
                "ce239dd5a898827423fee00e3f7ab37de7900f247f2ba360753d860e8a46524d",
            ),
        ),
    ),
    "kolors": Checkpoint(
        repository="Kwai-Kolors/Kolors-diffusers",
        revision="7e091c75199e910a26cd1b51ed52c28de5db3711",
        license="Apache-2.0; commercial use after registration",
        license_url="https://huggingface.co/Kwai-Kolors/Kolors-diffusers/blob/main/MODEL_LICENSE",
        gigabytes=17.8,
        variant="fp16",
    ),
    "hunyuandit1.1": Checkpoint(
        repository="Tencent-Hunyuan/HunyuanDiT-v1.1-Diffusers",
        revision="30711e9f2e8020815414d46e90664edd4100b256",
        license="Tencent Hunyuan Community License",
        license_url="https://huggingface.co/Tencent-Hunyuan/HunyuanDiT-v1.1-Diffusers",
        gigabytes=14.0,
    ),
    "kandinsky2.2": Checkpoint(
        repository="kandinsky-community/kandinsky-2-2-decoder-inpaint",
        revision="db790ad5cbcabed886f069ef2710774657621702",
        license="Apache-2.0",
        license_url="https://huggingface.co/kandinsky-community/kandinsky-2-2-decoder-inpaint",
        gigabytes=11.0,
        also=(KANDINSKY_PRIOR,),
    ),
}

ALTERNATIVES: dict[str, dict[str, Checkpoint]] = {
    "sdxl": {
        "inpainting": Checkpoint(
            repository="diffusers/stable-diffusion-xl-1.0-inpainting-0.1",
            revision="115134f363124c53c7d878647567d04daf26e41e",
            license="CreativeML Open RAIL++-M",
            license_url="https://huggingface.co/diffusers/stable-diffusion-xl-1.0-inpainting-0.1",
            gigabytes=6.9,
            variant="fp16",
        ),
    },
    "flux.1": {
        "fill": Checkpoint(
            repository="black-forest-labs/FLUX.1-Fill-dev",
            revision="358293da0354175698b67ec8299acf928313a78a",
            license="FLUX.1 [dev] Non-Commercial License",
            license_url="https://huggingface.co/black-forest-labs/FLUX.1-Fill-dev/blob/main/LICENSE.md",
            gigabytes=33.9,
            gated=True,
        ),
        "int8": replace(PUBLISHED["flux.1"], quantized="int8"),
    },
}
"""Other checkpoints of a generator, by the name that `--checkpoint GENERATOR=NAME` takes."""


def checkpoints_of(generator: str) -> list[Checkpoint]:
    """All published checkpoints of a generator, its own first; none for an unknown one."""
    own = [PUBLISHED[generator]] if generator in PUBLISHED else []
    return [*own, *ALTERNATIVES.get(generator, {}).values()]


def published_as(generator: str, checkpoint: str) -> Checkpoint | None:
    """The published checkpoint of a generator that has a name in a plan or a row; None where there is none."""
    return next((one for one in checkpoints_of(generator) if one.name == checkpoint), None)
