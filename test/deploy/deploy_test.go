// Package deploy checks the files of deploy by the programs that read them.
package deploy

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/signet-auth/signet/internal/config"
)

const root = "../../deploy/"

// program finds a program that `make test` installs.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("CI") != "" {
		t.Fatalf("%v: run make test", err)
	}
	if err != nil {
		t.Skipf("NOT TESTED: %v: run make test", err)
	}
	return path
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(root + file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheUnitOfSystemdGivesAwayLittle(t *testing.T) {
	analyze := program(t, "systemd-analyze")
	out, err := exec.CommandContext(t.Context(), analyze, "security", "--offline=true", "--threshold=20", "--no-pager", root+"systemd/signet.service").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	// What it says of the unit's own lines; that the program is not installed here does not count.
	unit := filepath.Join(t.TempDir(), "signet.service")
	text := strings.Replace(read(t, "systemd/signet.service"), "/usr/bin/signet", "/bin/true", 1)
	if err := os.WriteFile(unit, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", unit).CombinedOutput(); err != nil || strings.Contains(string(out), "Unknown") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestTheAlertsFireWhenSomethingIsWrongAlone(t *testing.T) {
	promtool := program(t, "promtool")
	for _, args := range [][]string{{"check", "rules", "alerts.yaml"}, {"test", "rules", "alerts_test.yaml"}} {
		cmd := exec.CommandContext(t.Context(), promtool, args...)
		cmd.Dir = root + "monitoring"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert       string
				Annotations struct{ Summary, Action string }
				Labels      struct{ Severity string }
			}
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "monitoring/alerts.yaml")), &rules); err != nil {
		t.Fatal(err)
	}
	tests := read(t, "monitoring/alerts_test.yaml")
	for _, rule := range rules.Groups[0].Rules {
		if rule.Annotations.Summary == "" || rule.Annotations.Action == "" || rule.Labels.Severity == "" {
			t.Errorf("%s does not say what is wrong, how grave it is and what to do", rule.Alert)
		}
		if !strings.Contains(tests, "alertname: "+rule.Alert+"}") {
			t.Errorf("no test says that %s is quiet when all is well", rule.Alert)
		}
	}
}

func TestWhatIsWatchedIsMeasured(t *testing.T) {
	text, err := os.ReadFile("../../docs/reference/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	measured := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(signet_[a-z0-9_]+)` \\| (\\w+)").FindAllStringSubmatch(string(text), -1) {
		measured[m[1]] = true
		if m[2] == "histogram" {
			for _, part := range []string{"_bucket", "_sum", "_count"} {
				measured[m[1]+part] = true
			}
		}
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			GridPos struct{ H, W, X, Y int }
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(read(t, "monitoring/dashboard.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	watched := map[string]string{}
	add := func(where, expression string) {
		for _, name := range regexp.MustCompile(`\bsignet_[a-z0-9_]+`).FindAllString(expression, -1) {
			watched[name] = where
		}
	}
	for i, p := range dashboard.Panels {
		for _, target := range p.Targets {
			add("the panel "+p.Title, target.Expr)
		}
		for _, other := range dashboard.Panels[:i] {
			a, b := p.GridPos, other.GridPos
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("the panels %q and %q overlap", p.Title, other.Title)
			}
		}
	}
	for line := range strings.Lines(read(t, "monitoring/alerts.yaml")) {
		if expression, ok := strings.CutPrefix(strings.TrimSpace(line), "expr:"); ok {
			add("an alert", expression)
		}
	}
	if len(watched) < 20 || len(measured) < 20 {
		t.Fatalf("%d metrics are watched and %d measured", len(watched), len(measured))
	}
	for name, where := range watched {
		if !measured[name] {
			t.Errorf("%s watches %s, which is not measured", where, name)
		}
	}
}

// object is as much of a Kubernetes object as the tests look at.
type object struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct {
		Name, Namespace string
		Labels          map[string]string
	}
	AutomountServiceAccountToken *bool `yaml:"automountServiceAccountToken"`
	Data                         map[string]string
	Spec                         yaml.Node
}

type podTemplate struct {
	Metadata struct {
		Labels, Annotations map[string]string
	}
	Spec struct {
		ServiceAccountName            string `yaml:"serviceAccountName"`
		AutomountServiceAccountToken  *bool  `yaml:"automountServiceAccountToken"`
		EnableServiceLinks            *bool  `yaml:"enableServiceLinks"`
		TerminationGracePeriodSeconds int    `yaml:"terminationGracePeriodSeconds"`
		SecurityContext               struct {
			RunAsNonRoot   bool                  `yaml:"runAsNonRoot"`
			RunAsUser      int                   `yaml:"runAsUser"`
			RunAsGroup     int                   `yaml:"runAsGroup"`
			FSGroup        int                   `yaml:"fsGroup"`
			SeccompProfile struct{ Type string } `yaml:"seccompProfile"`
		} `yaml:"securityContext"`
		TopologySpreadConstraints []struct {
			MaxSkew           int      `yaml:"maxSkew"`
			TopologyKey       string   `yaml:"topologyKey"`
			WhenUnsatisfiable string   `yaml:"whenUnsatisfiable"`
			LabelSelector     labels   `yaml:"labelSelector"`
			MatchLabelKeys    []string `yaml:"matchLabelKeys"`
		} `yaml:"topologySpreadConstraints"`
		Containers []struct {
			Name, Image string
			Args        []string
			Env         []struct {
				Name, Value string
				ValueFrom   struct {
					SecretKeyRef struct{ Name, Key string } `yaml:"secretKeyRef"`
				} `yaml:"valueFrom"`
			}
			Ports []struct {
				Name          string
				ContainerPort int `yaml:"containerPort"`
			}
			StartupProbe    probe `yaml:"startupProbe"`
			LivenessProbe   probe `yaml:"livenessProbe"`
			ReadinessProbe  probe `yaml:"readinessProbe"`
			Resources       struct{ Requests, Limits map[string]string }
			SecurityContext struct {
				AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
				ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
				Capabilities             struct{ Drop []string }
			} `yaml:"securityContext"`
			VolumeMounts []struct {
				Name      string
				MountPath string `yaml:"mountPath"`
				ReadOnly  bool   `yaml:"readOnly"`
			} `yaml:"volumeMounts"`
		}
		Volumes []struct {
			Name      string
			ConfigMap struct{ Name string } `yaml:"configMap"`
			Secret    struct {
				SecretName  string `yaml:"secretName"`
				DefaultMode int    `yaml:"defaultMode"`
			}
		}
	}
}

type labels struct {
	MatchLabels map[string]string `yaml:"matchLabels"`
}

type probe struct {
	HTTPGet          struct{ Path, Port string } `yaml:"httpGet"`
	PeriodSeconds    int                         `yaml:"periodSeconds"`
	TimeoutSeconds   int                         `yaml:"timeoutSeconds"`
	FailureThreshold int                         `yaml:"failureThreshold"`
}

// strictly decodes a node into what a test knows of it: a member with a typo is an error.
func strictly(t *testing.T, node *yaml.Node, into any) {
	t.Helper()
	text, err := yaml.Marshal(node)
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		t.Fatal(err)
	}
}

func TestKubernetesRunsReplicasThatMayDoLittle(t *testing.T) {
	decoder := yaml.NewDecoder(strings.NewReader(read(t, "kubernetes/signet.yaml")))
	decoder.KnownFields(true)
	objects := map[string]object{}
	for {
		var o object
		err := decoder.Decode(&o)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if o.Metadata.Namespace != "signet" || o.Metadata.Labels["app.kubernetes.io/name"] != "signet" {
			t.Errorf("%s is called %+v", o.Kind, o.Metadata)
		}
		objects[o.APIVersion+" "+o.Kind] = o
	}
	for _, kind := range []string{"v1 ConfigMap", "v1 ServiceAccount", "apps/v1 Deployment", "policy/v1 PodDisruptionBudget", "v1 Service", "networking.k8s.io/v1 NetworkPolicy"} {
		if _, ok := objects[kind]; !ok {
			t.Errorf("there is no %s", kind)
		}
	}

	deployment := objects["apps/v1 Deployment"]
	var d struct {
		Replicas int
		Selector labels
		Strategy struct {
			Type          string
			RollingUpdate struct {
				MaxUnavailable int `yaml:"maxUnavailable"`
				MaxSurge       int `yaml:"maxSurge"`
			} `yaml:"rollingUpdate"`
		}
		Template podTemplate
	}
	strictly(t, &deployment.Spec, &d)
	pod := d.Template.Spec
	c := pod.Containers[0]
	for what, ok := range map[string]bool{
		"several replicas":               d.Replicas > 1,
		"none less while it is upgraded": d.Strategy.RollingUpdate.MaxUnavailable == 0 && d.Strategy.RollingUpdate.MaxSurge > 0,
		"its own pods":                   d.Selector.MatchLabels["app.kubernetes.io/name"] == d.Template.Metadata.Labels["app.kubernetes.io/name"],
		"no token of the cluster":        pod.AutomountServiceAccountToken != nil && !*pod.AutomountServiceAccountToken,
		"a user that is not root":        pod.SecurityContext.RunAsNonRoot && pod.SecurityContext.RunAsUser > 0 && pod.SecurityContext.RunAsGroup > 0,
		"seccomp":                        pod.SecurityContext.SeccompProfile.Type == "RuntimeDefault",
		"no more privileges":             c.SecurityContext.AllowPrivilegeEscalation != nil && !*c.SecurityContext.AllowPrivilegeEscalation,
		"a read-only root":               c.SecurityContext.ReadOnlyRootFilesystem,
		"no capabilities":                len(c.SecurityContext.Capabilities.Drop) == 1 && c.SecurityContext.Capabilities.Drop[0] == "ALL",
		"resources":                      c.Resources.Requests["cpu"] != "" && c.Resources.Requests["memory"] != "" && c.Resources.Limits["memory"] != "",
		"readiness":                      c.ReadinessProbe.HTTPGet.Path == "/readyz" && c.ReadinessProbe.PeriodSeconds > 0,
		"liveness":                       c.LivenessProbe.HTTPGet.Path == "/healthz" && c.StartupProbe.HTTPGet.Path == "/healthz",
		"time to finish requests":        pod.TerminationGracePeriodSeconds >= 30,
		"its settings for commands, too": c.Env[0].Name == "SIGNET_CONFIG" && c.Env[0].Value == c.VolumeMounts[0].MountPath+"/signet.yaml",
		"a key that few may read":        pod.Volumes[1].Secret.DefaultMode == 0o440 && c.VolumeMounts[1].Name == pod.Volumes[1].Name && c.VolumeMounts[1].ReadOnly,
	} {
		if !ok {
			t.Errorf("the Deployment has not: %s", what)
		}
	}

	// The settings are those that there are, and lead to where the volumes are.
	file := filepath.Join(t.TempDir(), "signet.yaml")
	if err := os.WriteFile(file, []byte(objects["v1 ConfigMap"].Data["signet.yaml"]), 0o600); err != nil {
		t.Fatal(err)
	}
	settings, err := config.Load(config.Sources{File: file, Environ: []string{"SIGNET_DATABASE_URL=postgres://signet@db.example/signet"}})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(settings.MasterKeyFile, c.VolumeMounts[1].MountPath+"/") || !strings.HasSuffix(settings.Listen, ":8080") {
		t.Errorf("the settings are not for the pod: %s, %s", settings.MasterKeyFile, settings.Listen)
	}
	var budget struct {
		MaxUnavailable             int    `yaml:"maxUnavailable"`
		UnhealthyPodEvictionPolicy string `yaml:"unhealthyPodEvictionPolicy"`
		Selector                   labels
	}
	spec := objects["policy/v1 PodDisruptionBudget"].Spec
	strictly(t, &spec, &budget)
	if budget.MaxUnavailable != 1 || budget.UnhealthyPodEvictionPolicy != "AlwaysAllow" || budget.Selector.MatchLabels["app.kubernetes.io/name"] != "signet" {
		t.Errorf("the budget is %+v", budget)
	}
}
