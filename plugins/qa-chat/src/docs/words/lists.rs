//! What is known of words of English, and of the field: in lower case, whole, with `s` for the American `z`.

/// What questions are made of, but says nothing of what they ask for.
pub(super) const EMPTY: &str = "a about after again all also am an and any anybody anyone anything are as at be because been being but by can cannot could d did do does \
    doing don done each either else ever every everything for from had has have having he her here hey hi him his how i if in into is isn it its itself just kind ll m \
    me might mine much must my myself no nor not of off on once one ones only or other our out over own please re s same shall she should so some somebody someone \
    something such t than thank thanks that the their theirs them then there these they thing things this those through times to too until up upon us ve very was way \
    ways we were what when where whether which while who whom whose why will with within without would yes you your yours";

/// What is done or how things are, in general: it says less of what a question is about than the things that it names.
pub(super) const LIGHT: &str = "able add allow anyway apply ask avoid become begin best better bring build call change check choose come configure contain create decide \
    define difference different disable do easily easy enable example exist expect explain expose fast find fit full get give go gone good handle happen hear help hold \
    include involve keep know let like listen long look main make many may mean move need new notice number old part pass possible possibly prevent provide put quick \
    quickly react read receive remove right run say see send serve set several show simple start stop support supports switch take tell think try turn understand use \
    used using want work write writing written wrong wrote";

/// A conversation's beginning; within a question it is a word as any other.
pub(super) const GREETINGS: [&str; 3] = ["hello", "greetings", "welcome"];

/// Words of the field that mean nearly the same, a set on each line.
pub(super) const SYNONYMS: &str = "\
    address ip
    app application
    auth authentication authenticate login
    backend service
    bytes length size
    certificate cert
    channel room
    client user
    cluster node
    config configuration option setting
    drain graceful shutdown
    event message
    figure metric monitor prometheus
    gateway server
    javascript js
    jwt token
    key password secret
    largest limit longest max maximum most
    licence license
    limit throttle
    llm model
    memory ram
    mysql mariadb
    online presence
    postgres postgresql
    https ssl tls
    websocket ws";
