/*
 * Runs a Jenkinsfile on this machine as Declarative Pipeline would, with the credentials of a scenario:
 *
 *   groovy declarative.groovy JENKINSFILE SCENARIO.json
 *
 * Prints a JSON object: the list `events`, and the build's `result`. A file that Jenkins would refuse, or a part of
 * Declarative Pipeline that is not modelled here, ends in an exception. The order of steps within a stage is that of
 * evaluateStage in https://github.com/jenkinsci/pipeline-model-definition-plugin (ModelInterpreter.groovy).
 *
 * It is our own because the last JenkinsPipelineUnit on Maven Central, 1.1, has no Declarative Pipeline at all, and
 * newer ones have no `input`, count no agents, and let a stage's environment outlive the stage.
 */
import groovy.json.JsonOutput
import groovy.json.JsonSlurper
import org.codehaus.groovy.ast.ClassNode
import org.codehaus.groovy.ast.CodeVisitorSupport
import org.codehaus.groovy.ast.expr.ArgumentListExpression
import org.codehaus.groovy.ast.expr.ClosureExpression
import org.codehaus.groovy.ast.expr.MethodCallExpression
import org.codehaus.groovy.ast.stmt.ExpressionStatement
import org.codehaus.groovy.classgen.GeneratorContext
import org.codehaus.groovy.control.CompilePhase
import org.codehaus.groovy.control.CompilerConfiguration
import org.codehaus.groovy.control.SourceUnit
import org.codehaus.groovy.control.customizers.CompilationCustomizer

/** The file is not a valid Declarative Pipeline. */
class Invalid extends RuntimeException {

    Invalid(String message) { super(message) }

}

/** A step failed. */
class Failed extends RuntimeException {

    Failed(String message) { super(message) }

}

/** A person has refused an input. */
class Aborted extends RuntimeException {

    Aborted(String message) { super(message) }

}

/** `steps` and the conditions of `post` may contain only steps; other code needs a `script` block. */
class StepsOnly extends CompilationCustomizer {

    static final List BLOCKS = ['steps', 'always', 'aborted', 'failure', 'success', 'cleanup']

    StepsOnly() { super(CompilePhase.CONVERSION) }

    void call(SourceUnit source, GeneratorContext context, ClassNode script) {
        def visitor = new CodeVisitorSupport() {
            void visitMethodCallExpression(MethodCallExpression call) {
                def block = call.arguments instanceof ArgumentListExpression ? call.arguments.expressions.find() : null
                if (call.methodAsString in BLOCKS && block instanceof ClosureExpression) {
                    block.code.statements.each {
                        if (!(it instanceof ExpressionStatement && it.expression instanceof MethodCallExpression)) {
                            throw new Invalid("line ${it.lineNumber}: expected a step in '${call.methodAsString}'")
                        }
                    }
                }
                super.visitMethodCallExpression(call)
            }
        }
        script.module.statementBlock.visit(visitor)
    }

}

/** The contents of a section: the argument of each directive, by the directive's name. */
class Section {

    final Map directives = [:]
    private final String title
    private final List allowed

    Section(String title, List allowed, Closure body) {
        this.title = title
        this.allowed = allowed
        Code.run(body, this)
        if (!directives) {
            throw new Invalid("${title} is empty")
        }
    }

    def methodMissing(String name, arguments) {
        if (!(name in allowed)) {
            throw new Invalid("${title} cannot have '${name}', only ${allowed.join(', ')}")
        }
        if (name in directives) {
            throw new Invalid("${title} has '${name}' twice")
        }
        directives[name] = arguments.find()
        return null
    }

}

/** A parsed stage. */
class Stage {

    static final List DIRECTIVES = ['agent', 'environment', 'options', 'input', 'when', 'steps', 'stages', 'post']
    // In the order in which they are evaluated.
    static final List CONDITIONS = ['always', 'aborted', 'failure', 'success', 'cleanup']

    final String name
    final Closure environment
    final Closure steps
    final List<Stage> stages
    final String agent
    final Map input
    final Map when
    final Map post

    Stage(String name, Closure body) {
        this.name = name
        def directives = new Section("stage '${name}'", DIRECTIVES, body).directives
        if (directives.containsKey('steps') == directives.containsKey('stages')) {
            throw new Invalid("stage '${name}' must have either 'steps' or 'stages'")
        }
        def section = { String directive, List allowed ->
            def block = directives[directive]
            block ? new Section("'${directive}' of ${name}", allowed, block).directives : null
        }
        section('options', ['timeout'])
        environment = directives.environment
        steps = directives.steps
        stages = directives.stages ? read(directives.stages) : null
        agent = section('agent', ['label'])?.label
        input = section('input', ['message', 'ok', 'submitter'])
        when = section('when', ['expression', 'tag', 'beforeAgent', 'beforeInput'])
        post = section('post', CONDITIONS) ?: [:]
    }

    static List<Stage> read(Closure body) {
        def found = []
        Code.run(body, new Expando(stage: { String name, Closure block -> found << new Stage(name, block) }))
        if (!found) {
            throw new Invalid("'stages' is empty")
        }
        return found
    }

}

/** Runs a block of the Jenkinsfile with no access to the blocks around it. */
class Code {

    static run(Closure body, delegate = body.thisObject, int strategy = Closure.DELEGATE_FIRST) {
        def isolated = body.rehydrate(delegate, body.thisObject, body.thisObject)
        isolated.resolveStrategy = strategy
        return isolated.call()
    }

}

/** The environment: a stack of layers. A stage adds a layer, which is removed when the stage ends. */
class Environment {

    private final List<Map> layers

    Environment(Map bottom) { layers = [bottom] }

    Map all() { layers.inject([:]) { into, layer -> into + layer } }

    def getProperty(String name) { all()[name] }

    void setProperty(String name, value) { layers[0][name] = value as String }

    void over(Map layer, Closure body) {
        layers << layer
        try {
            body()
        } finally {
            layers.remove(layers.size() - 1)
        }
    }

}

/** The assignments of an `environment` block. A value may refer to earlier assignments. */
class Assignments {

    private final Build build
    private final Map assigned = [:]

    Assignments(Build build) { this.build = build }

    Map from(Closure body) {
        Code.run(body, this, Closure.DELEGATE_ONLY)
        return assigned
    }

    def credentials(String id) { build.credentials(id) }

    def getProperty(String name) { assigned.containsKey(name) ? assigned[name] : build.variable(name) }

    void setProperty(String name, value) {
        // Credentials with a user name and a password set several variables.
        if (value instanceof Map) {
            for (part in value) {
                assigned[name + part.key] = part.value
            }
        } else {
            assigned[name] = value as String
        }
    }

}

class Build {

    final List events = []
    final Environment env
    private final Map scenario
    private final List<String> path = []
    private int agents = 0
    private RuntimeException failure

    Build(Map scenario) {
        this.scenario = scenario
        env = new Environment(scenario.environment)
    }

    String getResult() { failure == null ? 'SUCCESS' : failure instanceof Aborted ? 'ABORTED' : 'FAILURE' }

    /** Parses the whole pipeline before it runs any of it, as Jenkins does. */
    void runPipeline(Closure body) {
        def directives = new Section("'pipeline'", ['agent', 'environment', 'options', 'stages'], body).directives
        if (directives.agent != 'none') {
            throw new Invalid("not modelled: an agent of 'pipeline' other than none")
        }
        new Section("'options'", ['buildDiscarder', 'disableConcurrentBuilds', 'logRotator'], directives.options)
        def stages = Stage.read(directives.stages)
        env.over(new Assignments(this).from(directives.environment)) { runAll(stages) }
    }

    def variable(String name) {
        def value = env."$name"
        if (value == null) {
            throw new MissingPropertyException(name, Build)
        }
        return value
    }

    def credentials(String id) {
        if (!scenario.credentials.containsKey(id)) {
            throw new Failed("there are no credentials with the id ${id}")
        }
        record('credentials', [id: id])
        return scenario.credentials[id]
    }

    void record(String type, Map details = [:]) {
        events << [type: type, stage: path.join(' / ')] + details
    }

    void needAgent(String step) {
        if (!agents) {
            throw new Failed("${step} needs an agent")
        }
    }

    String read(String file) {
        needAgent('readFile')
        return new File(scenario.workspace, file).text
    }

    /** Runs a script with `sh -xe` unless it names its interpreter, as the plugin durable-task does. */
    void sh(String text) {
        needAgent('sh')
        def file = File.createTempFile('step', '.sh', new File(scenario.scripts))
        file.text = text
        file.executable = true
        def command = text.startsWith('#!') ? [file.path] : ['sh', '-xe', file.path]
        def builder = new ProcessBuilder(command).directory(new File(scenario.workspace)).redirectErrorStream(true)
        builder.environment().clear()
        builder.environment().putAll(env.all())
        def process = builder.start()
        process.outputStream.close()
        def output = process.inputStream.text
        def status = process.waitFor()
        record('sh', [script: text, output: output, status: status])
        if (status) {
            throw new Failed("the script failed with exit status ${status}")
        }
    }

    private void runAll(List<Stage> stages) {
        stages.each { stage ->
            path << stage.name
            if (failure) {
                record('skipped', [because: 'failure'])
            } else {
                attempt { runStage(stage) }
            }
            path.remove(path.size() - 1)
        }
    }

    private void attempt(Closure work) {
        try {
            work()
        } catch (Failed | Aborted error) {
            record('failed', [because: error.message])
            failure = failure ?: error
        }
    }

    private void runStage(Stage stage) {
        if (stage.when?.beforeInput && !passes(stage.when)) {
            return
        }
        if (stage.input) {
            record('input', [message: stage.input.message as String, submitter: stage.input.submitter, agents: agents])
            if (!scenario.approve) {
                throw new Aborted('the input was refused')
            }
        }
        if (stage.when?.beforeAgent && !passes(stage.when)) {
            return
        }
        onAgent(stage.agent) {
            if (!stage.when || passes(stage.when)) {
                record('stage')
                env.over(stage.environment ? new Assignments(this).from(stage.environment) : [:]) { runBody(stage) }
            }
        }
    }

    private void runBody(Stage stage) {
        attempt { stage.stages ? runAll(stage.stages) : Code.run(stage.steps) }
        def outcome = [SUCCESS: 'success', FAILURE: 'failure', ABORTED: 'aborted'][result]
        Stage.CONDITIONS.findAll { it in ['always', outcome, 'cleanup'] && stage.post[it] }.each { condition ->
            record('post', [condition: condition])
            attempt { Code.run(stage.post[condition]) }
        }
    }

    private boolean passes(Map when) {
        def passed = (when.keySet() - ['beforeAgent', 'beforeInput']).every {
            it == 'expression' ? Code.run(when[it]) : isTagged(when[it])
        }
        if (!passed) {
            record('skipped', [because: 'when'])
        }
        return passed
    }

    /** The pattern has Ant's syntax: a star matches anything but a slash. */
    private boolean isTagged(String pattern) {
        env.TAG_NAME ==~ pattern.split(/\*/, -1).collect { java.util.regex.Pattern.quote(it) }.join('[^/]*')
    }

    private void onAgent(String label, Closure body) {
        if (!label) {
            body()
            return
        }
        record('agent', [label: label])
        agents++
        env.over([WORKSPACE: scenario.workspace, WORKSPACE_TMP: scenario.workspace + '@tmp'], body)
        agents--
    }

}

/** The functions and variables that a Jenkinsfile can use. */
abstract class Steps extends Script {

    Build getBuild() { getBinding().getVariable('build') }

    def getProperty(String name) {
        switch (name) {
            case 'build': return getBuild()
            case 'env': return getBuild().env
            case 'none': return name
            default: return getBuild().variable(name)
        }
    }

    void pipeline(Closure body) { build.runPipeline(body) }

    void script(Closure body) { body() }

    void sh(String text) { build.sh(text) }

    String readFile(String file) { build.read(file) }

    void archiveArtifacts(Map arguments) {
        build.needAgent('archiveArtifacts')
        build.record('archiveArtifacts', arguments)
    }

}

def build = new Build(new JsonSlurper().parse(new File(args[1])))
def configuration = new CompilerConfiguration(scriptBaseClass: Steps.name)
configuration.addCompilationCustomizers(new StepsOnly())
new GroovyShell(getClass().classLoader, new Binding(build: build), configuration).evaluate(new File(args[0]))
println JsonOutput.toJson([result: build.result, events: build.events])
