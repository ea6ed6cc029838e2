"""Words of programs: shell commands, keys of a keyboard, keywords of SQL, names of arrays, names with a reading."""

from nightingale.text.lexicon import words

# A line that begins with one of these and has a sign of a shell is a command.
COMMANDS = words(
    "ack alias apt apt-get aria2c awk aws az bash bat brew bun bundle cargo cat cd chmod chown cmake composer conda "
    "cp crontab curl cut date dd deno df diff dig dnf docker docker-compose dotnet du echo env eval exec export fd "
    "ffmpeg find fish gcc gcloud gem gh git go gpg gradle grep gzip head helm ip java javac jq kill killall kubectl "
    "less ln ls lsof make man mkdir mongo mount mv mvn mysql nano nc netstat nginx nmap node nohup npm npx openssl "
    "pacman perl php pip pip3 pipx ping pkill pnpm podman poetry ps psql pwd pytest python python3 redis-cli rg rm "
    "rmdir rsync ruby rustc rustup scp screen sed seq service set sftp sh snap sort source ssh ssh-keygen sudo "
    "systemctl tail tar tee terraform time tmux touch top tr tree ufw uniq unzip uv vi vim watch wc wget which xargs "
    "yarn yum zip zsh nightingale-tts"
)
KEYS = {
    "Ctrl": "Control", "Control": "Control", "CTRL": "Control", "Cmd": "Command", "Command": "Command", "Alt": "Alt",
    "Shift": "Shift", "Option": "Option", "Opt": "Option", "Super": "Super", "Meta": "Meta", "Win": "Windows",
    "Del": "Delete", "Esc": "Escape", "Ins": "Insert", "PgUp": "Page Up", "PgDn": "Page Down",
}
# A number in brackets after one of these is an index, not a footnote.
ARRAYS = frozenset(words(
    "arr array args argv buf buffer cell cells col cols data dict dp elements grid index items list lists map matrix "
    "memo nodes nums options params points queue result results row rows stack str string tokens tuple values vec "
    "vector weights"
))
SQL_WORDS = words(
    "SELECT FROM WHERE INSERT INTO VALUES UPDATE SET DELETE CREATE TABLE ALTER DROP ADD COLUMN INDEX JOIN LEFT RIGHT "
    "INNER OUTER FULL CROSS ON AND OR NOT NULL IS IN LIKE BETWEEN GROUP ORDER BY HAVING LIMIT OFFSET AS DISTINCT COUNT "
    "SUM AVG MIN MAX ASC DESC UNION ALL EXISTS CASE WHEN THEN ELSE END PRIMARY KEY FOREIGN REFERENCES DEFAULT UNIQUE "
    "VIEW DATABASE IF WITH RETURNING"
)
SIGN_NAMES = {
    "<": "less than", ">": "greater than", "=": "equals", "%": "percent", "&": "ampersand", "#": "hash", "@": "at",
    "*": "star", "~": "tilde", "^": "caret", "_": "underscore", "|": "pipe", "\\": "backslash", "/": "slash",
    "{": "open brace", "}": "close brace", "[": "open bracket", "]": "close bracket", "$": "dollar", "+": "plus",
    "!": "exclamation mark", "==": "double equals", "===": "triple equals",
    "!==": "not double equals", "!=": "not equals", "<=": "less than or equal to",
    ">=": "greater than or equal to", "&&": "double ampersand", "||": "double pipe", "->": "arrow", "=>": "arrow",
    "::": "double colon", "-": "dash", ":": "colon",
}
NAMES = {
    "i18n": "I eighteen N", "l10n": "L ten N", "k8s": "K eight S", "a11y": "A eleven Y", "sha1": "sha one",
    "sha256": "sha two fifty-six", "sha512": "sha five twelve", "SHA1": "sha one", "SHA256": "sha two fifty-six",
    "SHA512": "sha five twelve", "md5": "M D five", "stdin": "standard in", "stdout": "standard out",
    "stderr": "standard error", "stdio": "standard I O",
}
