package boot

import "strings"

// old is a site that a unit of its own runs, which starts it again.
var old = map[string]string{
	"old.service": `[Service]
User=www-data
Environment=PHP_FCGI_MAX_REQUESTS=100000
ExecStart=/usr/bin/php-cgi -b /run/old/old.sock
Restart=always
RestartSec=0
[Install]
WantedBy=multi-user.target
`,
	"old.toml": `[backend]
command = ["php-cgi"]
user = "www-data"
[socket]
path = "/run/old/old.sock"
`,
}

// moved takes a site over from a unit, which is named and disabled, without a
// lost request.
func (s *system) moved() {
	s.Helper()
	s.run("mkdir /run/old && chown www-data /run/old")
	s.run("cp /mnt/old.service /etc/systemd/system/ && cp /mnt/old.toml /etc/keepone/ && cp /srv/pid.php /srv/pid.old")
	s.run("systemctl daemon-reload && systemctl enable --now old")
	before := s.await("curl -sf http://127.0.0.1/pid.old")
	s.run("systemctl start keepone@old")
	s.await(`keepone status --json old | grep '"state": "blocked"'`)
	if out, err := s.try("keepone start-backend old"); err == nil || !strings.Contains(out, "the systemd unit old.service") || !strings.Contains(out, "systemctl disable --now old") {
		s.Errorf("start-backend beside the unit: %v\n%s", err, out)
	}
	load := make(chan string)
	go func() { out, _ := s.try("sh /mnt/load pid.old"); load <- out }()
	s.run("keepone start-backend --take-over old")
	if failed := <-load; failed != "0" {
		s.Errorf("%s of 200 requests failed while the site moved", failed)
	}
	if after := s.run("curl -sf http://127.0.0.1/pid.old"); after == before {
		s.Errorf("%s answers before and after", after)
	}
	if out, _ := s.try("systemctl is-active old; systemctl is-enabled old"); out != "inactive\ndisabled" {
		s.Errorf("the unit is %q", out)
	}
	s.run("systemctl stop keepone@old; rm /etc/keepone/old.toml")
}
