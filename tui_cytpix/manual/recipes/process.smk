# Tubes by tui-cytpix, a job each:
#
#   snakemake -s process.smk --config samples=tubes model=pombe.safetensors
#
# samples: a folder of .acs files; model: a file or a library name; out: the folder of the results; options: more of
# `tui-cytpix process`. With --executor slurm (snakemake-executor-plugin-slurm) each is a job of Slurm; with
# --software-deployment-method apptainer it runs in the container that is made by process.def.
# Names of tubes are of letters, digits, - and _: the results are called after them, with _ for all other letters.
# A tube some images of which fail is done, and its record tells which; one that fails as a whole fails here.

SAMPLES = config["samples"]
OUT = config.get("out", "results")
TUBES = glob_wildcards(SAMPLES + "/{tube}.acs").tube


rule all:
    input:
        expand(OUT + "/{tube}.process.json", tube=TUBES),


rule tui_cytpix_process:
    input:
        SAMPLES + "/{tube}.acs",
    output:
        record=OUT + "/{tube}.process.json",
        events=OUT + "/{tube}.events.csv",
        particles=OUT + "/{tube}.particles.csv",
    params:
        out=OUT,
        model=config["model"],
        options=config.get("options", ""),
    threads: 4
    resources:
        mem_mb=4000,
        runtime=60,
    container:
        config.get("container", "tui-cytpix.sif")
    shell:
        """
        tui-cytpix process {input:q} --model {params.model:q} --out {params.out:q} {params.options} \
          --threads {threads} || true
        tui-cytpix process {input:q} --model {params.model:q} --out {params.out:q} {params.options} --status
        """
