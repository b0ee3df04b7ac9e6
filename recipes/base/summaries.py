"""Compose short summaries from the acts of Schema-Guided dialogues.

Takes a stretch of turns with acts, gives 12 to 40 words that mention only values the turns contain,
letter for letter. The wording varies on purpose: with uniform templates the model answers every dialogue
with the template. `{u}` is the customer and `{s}` the assistant, replaced by labels or names later.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from recipes.base.corpora import Act, Turn
from recipes.base.lexicon import words

GOALS: dict[str, tuple[str, ...]] = {
    "ReserveRestaurant": ("book a table", "reserve a table", "make a dinner reservation", "have a meal"),
    "FindRestaurants": (
        "find a restaurant",
        "find a place to eat",
        "eat out",
        "look for somewhere to have dinner",
    ),
    "FindEvents": ("find an event to go to", "know what events there are", "find something fun to do"),
    "BuyEventTickets": ("buy tickets", "get some tickets for an event", "book tickets"),
    "GetEventDates": ("know the dates of an event", "find out when an event takes place"),
    "GetRide": ("get a ride", "book a cab", "take a taxi", "order a car"),
    "SearchHotel": ("find a hotel", "look for a place to stay", "find a room"),
    "ReserveHotel": ("book a hotel room", "reserve a room", "stay in a hotel"),
    "SearchHouse": ("find a house for a holiday", "find a place to stay", "rent a house for a trip"),
    "BookHouse": ("book the house", "rent the house", "reserve the place"),
    "GetWeather": ("know the weather", "check the weather forecast", "know what the weather will be like"),
    "FindProvider": ("find someone good", "find a specialist", "see somebody nearby"),
    "BookAppointment": ("make an appointment", "schedule an appointment", "book an appointment"),
    "FindMovies": ("find a movie", "watch a movie", "see a film"),
    "GetTimesForMovie": ("know when the movie is shown", "check the show times"),
    "BuyMovieTickets": ("buy movie tickets", "get tickets for a film"),
    "PlayMovie": ("watch the movie", "play the film"),
    "RentMovie": ("rent a movie", "rent a film online"),
    "FindAttractions": ("visit some attractions", "go sightseeing", "find interesting places to visit"),
    "GetCarsAvailable": ("rent a car", "find a rental car", "hire a car"),
    "ReserveCar": ("reserve a car", "book a rental car"),
    "SearchOnewayFlight": ("find a one-way flight", "look for a flight", "fly"),
    "SearchRoundtripFlights": ("find a round trip flight", "fly there and back", "plan a trip by plane"),
    "ReserveOnewayFlight": ("book a one-way flight", "book a flight"),
    "ReserveRoundtripFlights": ("book a round trip flight", "reserve the flights"),
    "FindApartment": ("find an apartment", "rent a flat", "move to a new apartment"),
    "FindHomeByArea": ("find a home", "look for a new home"),
    "ScheduleVisit": ("visit the property", "arrange a visit", "see the apartment"),
    "FindBus": ("find a bus", "travel by bus", "take a bus"),
    "BuyBusTicket": ("buy bus tickets", "buy a ticket for the bus"),
    "FindTrains": ("find a train", "travel by train", "take a train"),
    "GetTrainTickets": ("buy train tickets", "get a train ticket"),
    "CheckBalance": ("check an account balance", "know how much money is in the account"),
    "TransferMoney": ("transfer money", "send some money", "make a transfer"),
    "MakePayment": ("pay someone", "send a payment"),
    "RequestPayment": ("ask someone for a payment", "request some money"),
    "LookupMusic": ("find some music", "look for a song", "listen to something good"),
    "LookupSong": ("find a song", "look up a song"),
    "PlayMedia": ("play the song", "listen to the song"),
    "PlaySong": ("play a song", "listen to some music"),
    "GetAvailableTime": ("know when there is free time", "check the schedule"),
    "GetEvents": ("know the plans for the day", "check the calendar"),
    "AddEvent": ("add an event to the calendar", "put something in the calendar"),
    "GetAlarms": ("check the alarms", "know which alarms are set"),
    "AddAlarm": ("set an alarm", "add a new alarm"),
    "ShareLocation": ("share a location", "send a location to a friend"),
}
PLACES = words(
    "city location city_of_event destination to_location to_city area where_to pickup_city destination_city to"
)
PEOPLE = words(
    "party_size number_of_seats group_size travelers num_passengers number_of_adults passengers number_of_riders"
)
NAMES = words(
    "restaurant_name event_name hotel_name place_name dentist_name stylist_name doctor_name therapist_name "
    "movie_name title attraction_name property_name song_name track car_name album airlines theater_name theater"
)
PHRASES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(PLACES, ("in {v}",)),
    **dict.fromkeys(words("destination to_location to_city destination_city to"), ("to {v}",)),
    **dict.fromkeys(words("origin from_location from_city origin_city from"), ("from {v}",)),
    **dict.fromkeys(PEOPLE, ("for {v} people", "for {v}")),
    **dict.fromkeys(words("restaurant_name hotel_name theater_name"), ("at {v}",)),
    **dict.fromkeys(words("dentist_name stylist_name doctor_name therapist_name"), ("with {v}",)),
    **dict.fromkeys(words("time appointment_time event_time show_time pickup_time leaving_time"), ("at {v}",)),
    **dict.fromkeys(words("departure_time journey_start_time new_alarm_time"), ("at {v}",)),
    **dict.fromkeys(words("cuisine genre category event_type type car_type subcategory"), ("({v})",)),
    **dict.fromkeys(words("amount transfer_amount"), ("of {v}", "worth {v}")),
    **dict.fromkeys(words("recipient_account_name recipient_name receiver contact_name"), ("to {v}",)),
    **dict.fromkeys(words("artist directed_by director"), ("by {v}",)),
    **dict.fromkeys(words("event_name movie_name title song_name track album"), ("called {v}", ", namely {v}")),
}
WANTS = (
    "{u} wants to {g}", "{u} would like to {g}", "{u} plans to {g}", "{u} is going to {g}", "{u} hopes to {g}",
    "{u} asks {s} for help because {u} wants to {g}", "{s} helps {u} to {g}", "{u} calls {s} to {g}",
    "{u} tells {s} that {u} wants to {g}", "{u} needs {s}'s help to {g}", "{u} is trying to {g}",
    "{u} and {s} talk about how {u} can {g}",
)  # fmt: skip
ASKS = (
    "{s} asks about the {x}",
    "{s} wants to know the {x}",
    "{s} asks {u} for the {x}",
    "{s} needs the {x} first",
)
OFFERS = (
    "{s} recommends {v}", "{s} suggests {v}", "{s} finds {v}", "{s} offers {v}", "{s} tells {u} about {v}",
    "{s} thinks of {v}", "{v} is {s}'s suggestion", "{s} introduces {v} to {u}",
)  # fmt: skip
ANSWERS = (
    "{u} asks about the {x}, and {s} says it is {v}", "{s} tells {u} that the {x} is {v}", "the {x} is {v}",
    "{u} wants to know the {x}, which is {v}", "{s} gives {u} the {x}, {v}",
)  # fmt: skip
EVENTS: dict[str, tuple[str, ...]] = {
    "SELECT": ("{u} likes it", "{u} accepts", "{u} takes it", "{u} agrees", "{u} chooses it",
               "{u} thinks that is good"),
    "REQUEST_ALTS": ("{u} asks for something else", "{u} wants another one", "{u} doesn't like it and asks for others"),
    "NOTIFY_SUCCESS": (
        "{s} arranges it", "{s} does that for {u}", "{s} confirms that it is done", "{s} finishes it for {u}",
    ),
    "NOTIFY_FAILURE": ("it doesn't work", "{s} fails to do it", "{s} is sorry that it isn't possible"),
    "NEGATE_INTENT": ("{u} doesn't want to book it yet", "{u} refuses", "{u} decides to wait"),
    "AFFIRM_INTENT": ("{u} agrees", "{u} says yes to that"),
}  # fmt: skip


def compose_summary(turns: Sequence[Turn], rng: random.Random, *, user: str, system: str) -> str:
    """Write a summary of `turns`, or return an empty string where the acts say too little."""
    if not any(act.kind == "INFORM_INTENT" for turn in turns for act in turn.acts):
        return ""  # the middle of a booking, that says nothing of what it is about
    said = " ".join(turn.text for turn in turns)
    clauses = _clauses(turns, said, rng)
    if len(clauses) < 2:
        return ""
    budget = rng.randint(12, 30)
    kept = [clauses[0]]
    for position in sorted(rng.sample(range(1, len(clauses)), min(len(clauses) - 1, 5))):
        if sum(len(clause.split()) for clause in [*kept, clauses[position]]) <= budget:
            kept.append(clauses[position])
    if len(kept) < 2 and rng.random() < 0.7:
        return ""
    return _join(kept, rng).replace("{u}", user).replace("{s}", system)


def _clauses(turns: Sequence[Turn], said: str, rng: random.Random) -> list[str]:
    """Return one clause per thing that happens, in the order of the dialogue."""
    clauses: list[str] = []
    asked: set[str] = set()
    acts = [(turn.speaker == "USER", act) for turn in turns for act in turn.acts]
    for position, (is_user, act) in enumerate(acts):
        if act.kind == "INFORM_INTENT":
            clause = _goal(act, _known(acts, position, said), rng)
        else:
            clause = _event(act, said, asked, is_user, rng)
        if act.kind == "REQUEST" and is_user:
            asked.add(act.slot)
        if clause and act.kind in ("SELECT", "REQUEST_ALTS") and clauses and rng.random() < 0.7:
            clauses[-1] += rng.choice((", and ", " and ")) + clause
        elif clause and clause not in clauses:
            clauses.append(clause)
    return clauses


def _known(acts: Sequence[tuple[bool, Act]], position: int, said: str) -> dict[str, str]:
    """Return what is said about the intent at `position`, up to the next intent."""
    start = position
    while start and acts[start - 1][1].kind == "INFORM" and acts[start - 1][0]:
        start -= 1
    known: dict[str, str] = {}
    for at, (is_user, act) in enumerate(acts[start:], start):
        if act.kind == "INFORM_INTENT" and at > position:
            break
        if (act.kind == "CONFIRM" or (act.kind == "INFORM" and is_user)) and _said(act, said):
            known[act.slot] = _said(act, said)
    return known


def _goal(act: Act, known: dict[str, str], rng: random.Random) -> str:
    """Say what the customer wants, with up to three details that have been mentioned so far."""
    goals = GOALS.get(act.values[0])
    if goals is None:
        return ""
    details = [_detail(slot, value, rng) for slot, value in known.items() if slot in PHRASES or "date" in slot]
    details = rng.sample(details, min(len(details), rng.randint(1, 3)))
    goal = " ".join([rng.choice(goals), *details]).replace(" ,", ",")
    return rng.choice(WANTS).replace("{g}", goal)


def _detail(slot: str, value: str, rng: random.Random) -> str:
    if "date" in slot:
        bare = re.match(r"(?i)today|tomorrow|next|this|later|on |day after|the day", value)
        return value if bare else f"on {value}"
    if slot in PEOPLE and value == "1":
        return "for one person"
    return rng.choice(PHRASES[slot]).replace("{v}", value)


def _event(act: Act, said: str, asked: set[str], is_user: bool, rng: random.Random) -> str:
    """Put one act into words; acts without news give an empty string."""
    value = _said(act, said)
    words = act.slot.replace("_", " ").replace("directed by", "director")
    if act.kind == "OFFER" and not is_user and act.slot in NAMES and value:
        return rng.choice(OFFERS).replace("{v}", value)
    if act.kind == "REQUEST" and not is_user and rng.random() < 0.3:
        return rng.choice(ASKS).replace("{x}", words)
    if act.kind == "INFORM" and not is_user and act.slot in asked and value:
        return rng.choice(ANSWERS).replace("{x}", words).replace("{v}", value)
    if act.kind in EVENTS:
        return rng.choice(EVENTS[act.kind])
    return ""


def _said(act: Act, said: str) -> str:
    """Return the act's value where the dialogue contains it letter for letter."""
    value = act.values[0] if act.values else ""
    is_plain = value not in ("True", "False", "dontcare") and 0 < len(value) <= 48
    return value if is_plain and re.search(rf"(?<!\w){re.escape(value)}(?!\w)", said) else ""


def _join(clauses: list[str], rng: random.Random) -> str:
    """Link clauses into sentences."""
    text = clauses[0]
    for clause in clauses[1:]:
        link = rng.choice((". ", ". ", ". ", ", and ", ", and then ", ". Then ", ". After that, ", " and "))
        starts_sentence = link.endswith(". ")
        text += link + (clause[0].upper() + clause[1:] if starts_sentence and clause[0] != "{" else clause)
    return text[0].upper() + text[1:] + "."
