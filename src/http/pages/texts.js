// Every text that the pages show. To translate them, translate this module.

/** Texts of fixed places: `data-text` fills an element, `data-label` names one. */
export const texts = {
    playerTitle: "Recording",
    downloadTitle: "Download a recording",
    signInTitle: "Sign in",
    signInWhy: "Use the access key that you were given. It is kept in this tab only.",
    accessKeyId: "Access key id",
    accessKeySecret: "Secret",
    signIn: "Sign in",
    signingIn: "Signing in…",
    signOut: "Sign out",
    play: "Play",
    pause: "Pause",
    back: "Back 10 seconds",
    forward: "Forward 10 seconds",
    position: "Position in the recording",
    speed: "Speed",
    volume: "Volume",
    mute: "Mute",
    unmute: "Unmute",
    channels: "Listen to",
    both: "Both",
    agent: "Agent",
    customer: "Customer",
    parts: "Parts of this contact",
    spans: "Silenced and held",
    noSpans: "Nothing is silenced or held in this part.",
    transcript: "Transcript",
    noTranscript: "There is no transcript of this part.",
    follow: "Follow",
    categories: "Categories",
    sentiments: "Sentiment",
    email: "E-mail",
    screen: "Screen recording",
    buffering: "Loading…",
    keysTitle: "Keys",
    keys:
        "Space or K: play or pause. Left and right: 5 seconds; with Shift: 30 seconds. " +
        "J and L: 10 seconds. 0 to 9: tenths of the recording. M: mute.",
    download: "Download again",
    retry: "Try again",
    tryNow: "Try now",
    otherUser: "Sign in as somebody else",
};

/** Why a sign-in was asked for or refused. */
export const signInProblems = {
    missing: "Give both the access key id and its secret.",
    wrong: "The access key id and the secret do not belong together, or the key was switched off. " +
        "Check both for missing characters.",
    forbidden: "This access key may not sign in here. Ask your administrator.",
    busy: (seconds) => `Too many attempts. Try again in ${seconds} s.`,
    network: "The server cannot be reached. Check your connection, then try again.",
    server: "The server failed. Try again in a moment.",
    ended: "Your sign-in has ended. Sign in again to go on where you were.",
};

/** What a notice says: what is so, and what to do. */
export const notices = {
    loading: { title: "Opening the recording…", text: "" },
    preparing: {
        title: "The recording is being prepared",
        text: "It was stored only just now, or comes back from the archive. " +
            "This page goes on by itself.",
    },
    locked: {
        title: "The recording is being worked on",
        text: "Another operation holds it for a moment. This page goes on by itself.",
    },
    busy: {
        title: "Too many requests",
        text: "Your access key has asked too often in the last minutes. " +
            "This page goes on by itself.",
    },
    "not-found": {
        title: "There is no such recording",
        text: "Check the id in the address, and that you signed in for the right company.",
    },
    archived: {
        title: "The recording is in long-term storage",
        text: "Ask your administrator to bring it back to active storage, then try again.",
    },
    "no-media": {
        title: "Nothing was recorded",
        text: "The contact is known, but no sound or picture of it was kept. " +
            "Recording may have been stopped or declined.",
    },
    forbidden: {
        title: "You may not open this recording",
        text: "Your access key lacks the permission to play or download it. " +
            "Ask your administrator, or sign in as somebody else.",
    },
    "bad-request": {
        title: "The address is not understood",
        text: "The server refused the id in the address. Copy the whole link again.",
    },
    "bad-address": {
        title: "The address names no recording",
        text: "Open the link again from where you found it; it has to name a contact or a segment.",
    },
    network: {
        title: "The server cannot be reached",
        text: "Check your connection, then try again. Your place in the recording is kept.",
    },
    server: {
        title: "The server failed",
        text: "Try again in a moment. If it stays so, tell your administrator the id in the address.",
    },
    revoked: {
        title: "The link was withdrawn",
        text: "Somebody withdrew the link to this file. Try again, or ask your administrator.",
    },
    sealed: {
        title: "The recording is sealed",
        text: "It can be opened by its owner only, who holds the key. " +
            "Ask your administrator for the sealed file.",
    },
    corrupt: {
        title: "The recording cannot be played",
        text: "Its file is damaged, or this browser does not know its format. Try another browser, " +
            "and tell your administrator the id in the address.",
    },
    "signed-out": { title: "You are signed out", text: "" },
    asking: { title: "Looking for the recording…", text: "" },
    checking: { title: "Preparing the download…", text: "" },
    saving: {
        title: "The download has begun",
        text: "Your browser saves the file. You may close this page when it is done.",
    },
};

/** Texts with something in them. */
export const phrases = {
    waiting: (seconds) => (seconds > 0 ? `Next look in ${seconds} s.` : "Looking…"),
    file: (name, size) => (size ? `${name} (${size})` : name),
    serverSays: (message) => `The server says: ${message}`,
    at: (time, zone) => `${time} (${zone})`,
    part: (number, kind, who) => (who ? `${number}. ${kind}, ${who}` : `${number}. ${kind}`),
    positionOf: (position, whole) => `${position} of ${whole}`,
    inSpan: (text, kind) => `${text}, ${kind}`,
    span: (kind, from, to) => `${kind} from ${from} to ${to}`,
    onlyOf: (text, who) => `${text}, ${who} only`,
    speed: (rate) => `${rate}×`,
    hours: (n) => (n === 1 ? "1 hour" : `${n} hours`),
    minutes: (n) => (n === 1 ? "1 minute" : `${n} minutes`),
    seconds: (n) => (n === 1 ? "1 second" : `${n} seconds`),
    sentiment: (who, feeling) => `${who}: ${feeling}`,
    jumpTo: (time) => `Go to ${time}`,
};

/** Names of things that the API spells in capitals. */
export const names = {
    MASK: "Silenced",
    HOLD: "On hold",
    AGENT: "Agent",
    CUSTOMER: "Customer",
    POSITIVE: "positive",
    NEGATIVE: "negative",
    MIXED: "mixed",
    NEUTRAL: "neutral",
    "voice-only": "Call",
    "voice-and-screen": "Call with screen",
    chat: "Chat",
    "chat-and-screen": "Chat with screen",
    email: "E-mail",
    "email-and-screen": "E-mail with screen",
    sentTime: "Sent",
    from: "From",
    to: "To",
    cc: "Cc",
    bcc: "Bcc",
    subject: "Subject",
};
