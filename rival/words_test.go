package rival

import (
	"fmt"
	"strings"
	"testing"
)

func TestKindOf(t *testing.T) {
	for name, want := range map[string]string{
		"python": "python", "python3": "python", "python3.11": "python", "python3.11-dbg": "python", "python-dbg": "python", "pypy3.9": "python",
		"php": "php", "php8.2": "php", "php-cgi": "php-cgi", "php-cgi8.2": "php-cgi", "php8.2-cgi": "php-cgi", "php-fpm8.2": "",
		"perl5.36-x86_64-linux-gnu": "perl", "ruby3.1": "ruby", "nodejs": "node", "node18": "node", "dash": "sh", "lua5.4": "lua",
		"pythonic": "", "": "", "7z": "", "vim.basic": "", "ipython3": "",
	} {
		if got := kindOf(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// A line for each: the command and, after the arrow, its script, module or - for
// a program in the command line, then the arguments.
const commandLines = `
python3 x.py a -b => script x.py [a -b]
python3 -u -W ignore -X dev -Wd x.py => script x.py []
python3 -uBW ignore x.py => script x.py []
python3 --check-hash-based-pycs never --version x.py => script x.py []
python3 -- -x.py a => script -x.py [a]
python3 -m uvicorn a:b => module uvicorn [a:b]
python3 -umuvicorn a:b => module uvicorn [a:b]
python3 -Ec code a => - [-Ec code a]
python3 - a => - [- a]
python3 => none []
python3 -u => none [-u]
python3 -m => module  []
python3 -W => none [-W]
perl -w -I lib -Ilib x.pl a => script x.pl [a]
perl -MCGI::Fast -d:NYTProf -T x.pl => script x.pl []
perl -lne code file => - [-lne code file]
perl -i.bak -0777 x.pl => script x.pl []
ruby -r rack -I lib -W0 x.rb => script x.rb []
ruby --encoding utf-8 -ruri x.rb => script x.rb []
ruby -ne code => - [-ne code]
php -d x=y -c ini x.php a => script x.php [a]
php -f x.php a => script x.php [a]
php -S localhost:8000 -t public router.php => script router.php []
php -r code => - [-r code]
php-cgi -b 9000 -c ini => none [-b 9000 -c ini]
php-cgi => none []
node --require x -r y --inspect x.js a => script x.js [a]
node --eval code => - [--eval code]
node -p code => - [-p code]
sh -e -o pipefail +x x.sh a => script x.sh [a]
sh -ec code a => - [-ec code a]
bash --rcfile x x.sh => script x.sh []
lua -l lib x.lua => script x.lua []
uwsgi --ini x.ini => none [--ini x.ini]
`

func TestParse(t *testing.T) {
	for line := range strings.Lines(strings.TrimSpace(commandLines)) {
		command, want, _ := strings.Cut(strings.TrimSpace(line), " => ")
		argv := strings.Fields(command)
		w := parse(kindOf(argv[0]), argv)
		got := "none"
		switch {
		case w.inline:
			got = "-"
		case w.script != "":
			got = "script " + w.script
		case w.module != "" || strings.HasSuffix(command, "-m"):
			got = "module " + w.module
		}
		if got += fmt.Sprint(" ", w.args); got != want {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
	}
	if w := parse("python", nil); w.script != "" || len(w.args) != 0 {
		t.Errorf("%v", w)
	}
}

func TestForAll(t *testing.T) {
	for path, want := range map[string]bool{
		"/usr/bin/gunicorn": true, "/usr/local/bin/gunicorn": true, "/bin/sh": true, "/opt/python/bin/x": true, "/usr/lib/python3/dist-packages/x/__main__.py": true,
		"/srv/x/node_modules/y/z.js": true, "/home/a/.local/bin/gunicorn": true, "/var/lib/gems/3.1.0/gems/puma-5/bin/puma": true,
		"/usr/share/web2py/fcgihandler.py": false, "/usr/lib/cgi-bin/x.cgi": false, "/srv/web2py/fcgihandler.py": false,
		"/srv/site/bin/app.pl": false, "/opt/site/app.py": false, "/app.py": false, "app.py": false, "": false,
	} {
		if got := forAll(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestApplications(t *testing.T) {
	for line, want := range map[string]string{
		"-w 4 blog.web:app":                           "[blog.web:app] []",
		"-b 127.0.0.1:8000 -b localhost:80 unix:/x":   "[] []",
		"--ini=a.ini /etc/b.ini -c x.py":              "[] [/d/a.ini /etc/b.ini /d/x.py]",
		"shop:create() :x x:":                         "[shop:create()] []",
		"config.ru ./config.ru":                       "[] [/d/config.ru /d/config.ru]",
		"-p 80 --level info --log /var/log/x.log 1.5": "[] []",
	} {
		modules, files := applications(strings.Fields(line), "/d")
		if got := fmt.Sprint(modules, files); got != strings.Replace(want, "] [", "] [", 1) {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
}

func TestInterpreterLines(t *testing.T) {
	for argv, want := range map[string]string{
		"env python3 x.py": "[python3 x.py]", "env -i A=b python3 x": "[python3 x]", "env -u X python3": "[python3]", "env -Spython3 -u": "[python3 -u]", "env A=b": "[]",
	} {
		if got := fmt.Sprint(afterEnv(strings.Fields(argv))); got != want {
			t.Errorf("%s: %s", argv, got)
		}
	}
	f := newFake(t)
	for text, want := range map[string]string{"#!/bin/sh\nx": "[/bin/sh]", "#! /usr/bin/perl -w -T \n": "[/usr/bin/perl -w -T]", "#!\n": "[]", "#!/bin/sh": "[/bin/sh]", "\x7fELF": "[]", "": "[]"} {
		f.write("x", text)
		if got := fmt.Sprint(interpreter(string(f.host) + "/x")); got != want {
			t.Errorf("%q: %s", text, got)
		}
	}
}
