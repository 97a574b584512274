package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestShellcheck looks at every maintainer script as a package has it.
func TestShellcheck(t *testing.T) {
	check := tool(t, "shellcheck", "shellcheck")
	j := &job{root: "..", work: t.TempDir()}
	j.shared.scripts = filepath.Join(j.work, "scripts")
	if err := j.makeScripts(); err != nil {
		t.Fatal(err)
	}
	for _, name := range ours {
		execute(t, check, "-s", "sh", filepath.Join(j.shared.scripts, name))
	}
}

// TestLocks has the scripts find the keepones that live: by who holds the lock,
// and not by files that a dead one left.
func TestLocks(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"alive", "dead"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "lock"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	common, err := os.ReadFile("scripts/common.sh")
	if err != nil {
		t.Fatal(err)
	}
	script := "set -e\n" + string(common) + "runs=" + dir + "\nexec 9>" + dir + "/alive/lock\nflock 9\nrunning\nsweep_runs\nls " + dir + "\n"
	if out := execute(t, "sh", "-c", script+"exec 9>&-\nsweep_runs\ntest ! -e "+dir); strings.Join(strings.Fields(out), " ") !=
		"alive keepone: "+dir+"/alive stays: something still runs there alive" {
		t.Errorf("of one that lives and one that is dead they say\n%s", out)
	}
}

// TestPolicy has policy-rc.d's answers understood as invoke-rc.d(8) says.
func TestPolicy(t *testing.T) {
	common, err := os.ReadFile("scripts/common.sh")
	if err != nil {
		t.Fatal(err)
	}
	policy := filepath.Join(t.TempDir(), "policy-rc.d")
	for answer, want := range map[string]string{"0": "yes", "104": "yes", "100": "yes", "101": "no", "106": "no"} {
		if err := os.WriteFile(policy, []byte("#!/bin/sh\nexit "+answer+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		out := execute(t, "sh", "-c", "set -e\n"+string(common)+"policy="+policy+"\nif allowed a stop 2>/dev/null; then echo yes; else echo no; fi")
		if strings.TrimSpace(out) != want {
			t.Errorf("the answer %s means %q", answer, out)
		}
	}
}

// base is what of a policy the module talks about, and what the compiler wants.
const base = `(class unix_stream_socket (connectto)) (class sock_file (getattr open write)) (class dir (getattr open search)) (class process (transition))
(classorder (unix_stream_socket sock_file dir process))
(sid kernel) (sidorder (kernel)) (sensitivity s0) (sensitivityorder (s0)) (category c0) (categoryorder (c0)) (sensitivitycategory s0 (c0))
(user system_u) (role system_r) (role object_r) (userrole system_u system_r) (userrole system_u object_r)
(type kernel_t) (type httpd_t) (type httpd_var_run_t) (type unconfined_service_t) (typeattribute domains) (typeattributeset domains (kernel_t httpd_t))
(roletype system_r kernel_t) (roletype object_r kernel_t) (roletype object_r httpd_var_run_t) (userlevel system_u (s0)) (userrange system_u ((s0) (s0 (c0))))
(sidcontext kernel (system_u system_r kernel_t ((s0) (s0)))) (allow kernel_t kernel_t (process (transition)))
(typeattribute cil_gen_require) (roleattribute cil_gen_require)
`

// TestSELinux compiles the module together with a policy of a few lines, and
// finds in the result that the web server may connect, and which labels files
// get. Where the policy knows no unconfined_service_t, that part is left out and
// the rest stays.
func TestSELinux(t *testing.T) {
	secilc, back := tool(t, "secilc", "secilc"), tool(t, "checkpolicy", "checkpolicy")
	for name, policy := range map[string]string{"targeted": base, "other": strings.Replace(base, "(type unconfined_service_t)", "", 1)} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(dir+"/base.cil", []byte(policy), 0o644); err != nil {
				t.Fatal(err)
			}
			execute(t, secilc, "-M", "true", "-o", dir+"/policy", "-f", dir+"/contexts", dir+"/base.cil", "selinux/keepone.cil")
			contexts, err := os.ReadFile(dir + "/contexts")
			if err != nil || !strings.Contains(string(contexts), "/run/keepone(/.*)?\tsystem_u:object_r:httpd_var_run_t:s0") {
				t.Errorf("the labels are %v\n%s", err, contexts)
			}
			execute(t, back, "-b", "-M", "-C", "-o", dir+"/rules", dir+"/policy")
			text, err := os.ReadFile(dir + "/rules")
			if err != nil {
				t.Fatal(err)
			}
			rules := string(text)
			connect := strings.Contains(rules, "(allow httpd_t unconfined_service_t (unix_stream_socket (connectto)))")
			if !strings.Contains(rules, "(allow httpd_t httpd_var_run_t (sock_file (") || connect != (name == "targeted") {
				t.Errorf("the rules are\n%s", rules)
			}
		})
	}
}
