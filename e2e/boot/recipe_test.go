package boot

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What stands for web2py: its handler for FastCGI, which would bind a socket of
// its own unless the recipe is followed, and an application. The gateway serves
// as flup does: see e2e/backends/testdata/threads.py.
const (
	recipeHandler = `import sys, os
import gluon.main
import gluon.contrib.gateways.fcgi as fcgi
application = gluon.main.wsgibase
fcgi.WSGIServer(application, bindAddress='/tmp/fcgi.sock').run()
`
	recipeMain = `import os
def wsgibase(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [("web2py in process %d answers %s as user %d\n" % (os.getpid(), environ["REQUEST_URI"], os.getuid())).encode()]
`
	recipeGateway = `import socket
import threads
class WSGIServer:
    def __init__(self, application, bindAddress=None):
        self.application, self.address = application, bindAddress
    def run(self):
        listener = socket.socket(socket.AF_UNIX) if self.address else socket.socket(fileno=0)
        if self.address:
            listener.bind(self.address)
            listener.listen()
        threads.run(listener, self.application)
`
)

const recipeSetup = `set -e
install -D /mnt/keepone /usr/bin/keepone
install -D /mnt/keepone-setup /usr/lib/keepone/keepone-setup
site=/var/www/web2py
mkdir -p $site/handlers $site/gluon/contrib/gateways $site/applications/welcome/static
cp /mnt/web2py.py $site/
cp /mnt/fcgihandler.py $site/handlers/
cp /mnt/main.py $site/gluon/main.py
cp /mnt/fcgi.py /mnt/threads.py $site/gluon/contrib/gateways/
echo from the disk >$site/applications/welcome/static/file.txt
systemctl enable lighttpd
`

// lighttpd listens a moment after its restart has returned, and for another its
// former process may be looked at. curl's status 7 is that nobody listens;
// whether it answers, and what doctor says in the end, is not asked here.
const listens = `curl -s -o /dev/null -m 10 http://127.0.0.1/; test $? != 7 || exit
for try in 1 2 3 4 5; do keepone doctor web2py && break; sleep 1; done >/dev/null 2>&1; true`

// A recipeStep is what the recipe says is to be typed, or what a file is to hold.
type recipeStep struct{ kind, name, text string }

// recipeSteps are the blocks of the recipe that are marked for it.
func recipeSteps(t *testing.T) (all []recipeStep) {
	t.Helper()
	text, err := os.ReadFile("../../manual/keepone-lighttpd.7.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split(string(text), "\n<!-- ")[1:] {
		mark, body, _ := strings.Cut(part, " -->\n\n")
		var s recipeStep
		if s.kind, s.name, _ = strings.Cut(mark, " "); s.kind != "run" && s.kind != "file" {
			continue
		}
		for line := range strings.Lines(body) {
			code, indented := strings.CutPrefix(line, "    ")
			if !indented && line != "\n" {
				break
			}
			s.text += code
		}
		s.text = strings.TrimRight(s.text, "\n") + "\n"
		all = append(all, s)
	}
	return all
}

// The recipe of keepone-lighttpd(7) is followed on a Debian: what is to be typed
// is typed, first with the configurations that keepone writes and then with
// those that the page shows.
func TestRecipe(t *testing.T) {
	s := bootRecipe(t)
	s.await("systemctl is-active lighttpd")
	for _, step := range recipeSteps(t) {
		if strings.HasPrefix(step.text, "curl ") {
			s.await(listens)
		}
		if step.kind == "run" {
			s.run("cat >/tmp/step <<'END'\n" + step.text + "END\ntimeout 60 sh -e /tmp/step </dev/null")
		}
	}
	s.servesRecipe()
	for _, step := range recipeSteps(t) {
		if step.kind == "file" {
			s.run("cat >" + step.name + " <<'END'\n" + step.text + "END\n")
		}
	}
	s.run("lighttpd -tt -f /etc/lighttpd/lighttpd.conf && service lighttpd restart && keepone reload web2py && keepone restart-backend web2py")
	s.servesRecipe()
}

// bootRecipe boots what is there before the recipe begins.
func bootRecipe(t *testing.T) *system {
	t.Helper()
	threads, err := os.ReadFile("../backends/testdata/threads.py")
	if err != nil {
		t.Fatal(err)
	}
	gateway := strings.Replace(string(threads), "from app import application\n", "", 1)
	gateway = strings.Replace(gateway, "def serve(connection):", "def serve(connection, application):", 1)
	gateway, _, found := strings.Cut(gateway, "listener = socket.socket")
	if !found {
		t.Fatal("threads.py is not what it was")
	}
	gateway += `def run(listener, application):
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0], application), daemon=True).start()
`
	program, err := exec.Command("go", "list", "-f", "{{.Dir}}", "keepone/cmd/keepone-setup").Output()
	if err != nil {
		t.Fatal(err)
	}
	setup := filepath.Join(t.TempDir(), "keepone-setup")
	c := exec.Command("go", "build", "-trimpath", "-o", setup, strings.TrimSpace(string(program)))
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("cannot build keepone-setup: %v\n%s", err, out)
	}
	binary, err := os.ReadFile(setup)
	if err != nil {
		t.Fatal(err)
	}
	return boot(t, "systemd", systemdPackages, map[string]string{
		"keepone-setup": string(binary), "setup": recipeSetup, "web2py.py": "", "fcgihandler.py": recipeHandler,
		"main.py": recipeMain, "threads.py": gateway, "fcgi.py": strings.Replace(recipeGateway, "import threads", "from gluon.contrib.gateways import threads", 1),
	})
}

// servesRecipe checks that files come from the disk, everything else from the one
// interpreter, and that a restart loses nothing.
func (s *system) servesRecipe() {
	s.Helper()
	s.await(listens)
	if out := s.run("curl -sf -m 30 http://127.0.0.1/welcome/static/file.txt"); out != "from the disk" {
		s.Errorf("the static file is %q", out)
	}
	if code := s.run("curl -s -m 30 -o /dev/null -w '%{http_code}' http://127.0.0.1/welcome/static/none.txt"); code != "404" {
		s.Errorf("a static file that is not there is answered with %s", code)
	}
	out := s.run("curl -sf -m 30 http://127.0.0.1/welcome/default/index?a=b")
	if !strings.Contains(out, "answers /welcome/default/index?a=b as user 33") || !strings.Contains(out, "process "+s.backend()+" ") {
		s.Errorf("the site says %q", out)
	}
	load := make(chan string)
	go func() {
		out, _ := s.try(`seq 200 | xargs -P 4 -I{} curl -s -m 30 -o /dev/null -w '%{http_code}\n' http://127.0.0.1/{} | grep -vc '^200$'`)
		load <- out
	}()
	s.run("keepone restart-backend web2py")
	if failed := <-load; failed != "0" {
		s.Errorf("%s of 200 requests failed during a restart", failed)
	}
}
