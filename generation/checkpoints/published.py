"""The published checkpoints of the eight generators: where they are, at which revision, under which licence."""

from generation.checkpoints.checkpoint import Checkpoint, Place

GLIDE_VOCABULARY = (
    "https://raw.githubusercontent.com/openai/glide-text2im/69b530740eb6cef69442d6180579ef5ba9ef063e"
    "/glide_text2im/tokenizer"
)

KANDINSKY_PRIOR = Place("kandinsky-community/kandinsky-2-2-prior", "main")
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
            "https://openaipublic.blob.core.windows.net/diffusion/dec-2021/base_inpaint.pt",
            "https://openaipublic.blob.core.windows.net/diffusion/dec-2021/upsample_inpaint.pt",
            f"{GLIDE_VOCABULARY}/encoder.json.gz",
            f"{GLIDE_VOCABULARY}/vocab.bpe.gz",
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
