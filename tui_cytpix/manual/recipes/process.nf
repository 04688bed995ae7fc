// One tube by tui-cytpix: a module in nf-core's manner.
//
//   include { TUICYTPIX_PROCESS } from './process.nf'
//
//   workflow {
//       tubes = Channel.fromPath('tubes/*.acs')
//           .map { acs -> [[id: acs.baseName], acs, files("${acs.parent}/${acs.baseName}.fcs")] }
//       TUICYTPIX_PROCESS(tubes, file('pombe.safetensors'))
//   }
//
// A built-in model becomes a file by `tui-cytpix models export cell-full .`. The container is made by process.def or
// Dockerfile. ext.args: more options of `tui-cytpix process`; ext.prefix: the folder of the results, else meta.id.
// A tube some images of which fail is done, and its record tells which; one that fails as a whole fails here.

process TUICYTPIX_PROCESS {
    tag "$meta.id"
    label 'process_medium'

    container "${params.tuicytpix_container ?: 'tui-cytpix.sif'}"

    input:
    tuple val(meta), path(sample), path(beside) // beside: its FCS where that is a file of its own, else []
    path model

    output:
    tuple val(meta), path("${prefix}/*.process.json"), emit: record
    tuple val(meta), path("${prefix}/*.events.csv"), emit: events
    tuple val(meta), path("${prefix}/*.particles.csv"), emit: particles
    tuple val(meta), path("${prefix}/*.fcs"), emit: fcs, optional: true
    path "versions.yml", emit: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    tui-cytpix process '${sample}' --model '${model}' --out '${prefix}' --threads ${task.cpus} ${args} || true
    tui-cytpix process '${sample}' --model '${model}' --out '${prefix}' ${args} --status

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        tui-cytpix: \$(tui-cytpix --version | sed 's/tui-cytpix //')
    END_VERSIONS
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    mkdir -p '${prefix}'
    touch '${prefix}/${sample.baseName}.process.json'
    touch '${prefix}/${sample.baseName}.events.csv'
    touch '${prefix}/${sample.baseName}.particles.csv'
    touch '${prefix}/${sample.baseName}.fcs'

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        tui-cytpix: \$(tui-cytpix --version | sed 's/tui-cytpix //')
    END_VERSIONS
    """
}
