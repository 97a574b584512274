package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stage is what of one stage of a Dockerfile its container is made of.
type stage struct {
	user            string
	entry, healthy  []string
	signal          syscall.Signal
	files, commands string   // a directory, and a shell script that runs where that lies
	installs        []string // Debian's packages
	copies          [][]string
}

// stages reads the Dockerfile. What its lines of text say goes below dir.
func stages(t *testing.T, dir string) map[string]*stage {
	t.Helper()
	text, err := os.ReadFile("../examples/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*stage{}
	var s *stage
	lines := strings.Split(strings.ReplaceAll(string(text), "\\\n", " "), "\n")
	for len(lines) > 0 {
		verb, rest, _ := strings.Cut(lines[0], " ")
		lines = lines[1:]
		switch f := strings.Fields(rest); {
		case verb == "FROM" && len(f) == 3 && f[1] == "AS":
			s = &stage{files: filepath.Join(dir, f[2]), signal: syscall.SIGTERM}
			all[f[2]] = s
		case verb == "COPY" && strings.HasPrefix(rest, `<<"EOF" /`):
			var body []string
			for ; lines[0] != "EOF"; lines = lines[1:] {
				body = append(body, lines[0]+"\n")
			}
			lines = lines[1:]
			write(t, filepath.Join(s.files, f[1]), strings.Join(body, ""))
		case verb == "COPY":
			s.copies = append(s.copies, f)
		case verb == "RUN" && f[0] == "apt-get":
			_, list, _ := strings.Cut(rest, "--no-install-recommends ")
			list, _, _ = strings.Cut(list, "&&")
			s.installs = strings.Fields(list)
		case verb == "RUN":
			s.commands += rest + "\n"
		case verb == "USER":
			s.user = rest
		case verb == "STOPSIGNAL":
			s.signal = map[string]syscall.Signal{"SIGTERM": syscall.SIGTERM, "SIGINT": syscall.SIGINT}[rest]
		case verb == "ENTRYPOINT":
			s.entry = list(t, rest)
		case verb == "HEALTHCHECK":
			_, argv, _ := strings.Cut(rest, " CMD ")
			s.healthy = list(t, argv)
		case verb == "" || verb == "#" || verb == "WORKDIR" || verb == "VOLUME":
		default:
			t.Fatalf("what is %s %s?", verb, rest)
		}
	}
	return all
}

func list(t *testing.T, text string) (argv []string) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &argv); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return argv
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// run starts a container of the stage: this system in the place of its image's base, with the same packages.
func (s *stage) run(t *testing.T, volume, log string) *container {
	t.Helper()
	for _, name := range s.installs {
		if name = need(t, name); name == "" {
			t.Fatal("a package without a program")
		}
	}
	root, script := t.TempDir(), s.files+".commands"
	write(t, script, s.commands)
	images, err := filepath.Abs("testdata/image.sh")
	if err != nil {
		t.Fatal(err)
	}
	argv := append([]string{"unshare", "-p", "-m", "-n", "-u", "-i", "--fork", "--kill-child", "--propagation", "private", "sh", images,
		root, s.files, script, volume, s.user, dockers}, s.entry...)
	c := &container{t: t, root: root, volume: volume, log: log, user: s.user}
	if c.process, err = start(log, os.Environ(), -1, argv...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.destroy)
	return c
}

// TestDockerfile: what the example says is what runs: its files, commands, users, entry points and its health check, with real
// lighttpd and php-cgi, in two containers that have only the volume in common.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can make a container")
	}
	dir, err := os.MkdirTemp("", "kd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	all := stages(t, dir)
	site, web := all["site"], all["web"]
	volume := filepath.Join(dir, "volume")
	write(t, filepath.Join(site.files, "srv/index.php"), `<?php usleep(50000); echo "page ", $_GET["n"], " of ", getmypid(), "\n";`)
	if got := fmt.Sprint(site.copies); got != "[[--from=build /src/keepone /usr/bin/keepone] [site /srv]]" {
		t.Fatalf("the example copies %s", got)
	}
	for _, err := range []error{
		os.MkdirAll(filepath.Join(site.files, "usr/bin"), 0o755), copyFile(filepath.Join(site.files, "usr/bin/keepone"), keepone),
		os.Chmod(dir, 0o755), os.Mkdir(volume, 0o755), os.Chown(volume, 10001, 0), os.Chmod(volume, 0o775),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	c := site.run(t, volume, filepath.Join(dir, "site.log"))
	front := web.run(t, volume, filepath.Join(dir, "web.log"))
	healthy := func(c *container) answer { return c.inside(site.healthy...) }
	await(t, 30*time.Second, "it is healthy", func() bool { return c.begun() && healthy(c) == answer{} })
	await(t, 10*time.Second, "there is a web server", func() bool { return front.begun() && strings.HasPrefix(front.curl(1), "page 1 of ") })
	load := make(chan string)
	for range 2 {
		go func() { load <- front.curl(60) }()
	}
	for range 3 {
		if a := c.inside("/usr/bin/keepone", "restart-backend"); a.code != 0 {
			t.Errorf("restart-backend: %+v", a)
		}
	}
	for range 2 {
		if said := <-load; strings.Count(said, "page ") != 60 {
			t.Errorf("of 60 requests during restarts came back %d:\n%s", strings.Count(said, "page "), said)
		}
	}
	if a := c.inside("/usr/bin/keepone", "status"); !strings.Contains(a.out, "user 10001") || !strings.Contains(a.out, "restarts  3") {
		t.Errorf("status: %+v", a)
	}
	if code := c.stop(site.signal); code != 0 {
		t.Errorf("keepone's exit status %d", code)
	}
	if code := front.stop(web.signal); code != 0 {
		t.Errorf("the web server's exit status %d", code)
	}
}

// curl asks the web server from within its network namespace, so many times, and returns what it was told.
func (c *container) curl(times int) string {
	out, err := exec.Command("nsenter", "-t", strconv.Itoa(c.first), "-n", "sh", "-c",
		"ip link set lo up && exec curl -sSf 'http://127.0.0.1:8080/some/page?n=[1-"+strconv.Itoa(times)+"]'").CombinedOutput()
	if err != nil {
		return fmt.Sprintf("%s%v", out, err)
	}
	return string(out)
}
