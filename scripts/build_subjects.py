"""Build ``providers/local/illustrate/subjects.json.gz`` from Microsoft's Fluent Emoji (flat, MIT).

What Fluent Emoji lacks is drawn here, in the same style: ``scripts/subjects/*.svg``, under this
project's own licence.

Run: ``python scripts/build_subjects.py`` (needs ``npm``, which knows its own registry, and resvg-
py).
The npm package is pinned by version and by the integrity that npm itself checks and we check again,
so the data file can be made anew, byte for byte.

The table below is the whole editorial choice: which pictures, by which words they are found, how
they
stand in a scene and how big they are beside each other.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import subprocess
import tarfile
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import resvg_py
from PIL import Image

PACKAGE = "@iconify-json/fluent-emoji-flat"
VERSION = "1.2.6"
INTEGRITY = (
    "sha512-RY47RgPb47fYUiyrA64sIOL0+UU02s29sXpNBbIQ"
    "RBUlPlfNFTKUmZDERGuxDs/7yNGWqQYvuaSYM1M4fRXlUw=="
)
# The only clip paths in the chosen icons are the whole 32 x 32 box, so they can go.
DROPPED = {"id", "clip-rule", "clip-path"}
HERE = Path(__file__).resolve().parent
OWN = HERE / "subjects"
TARGET = HERE.parent / "providers" / "local" / "illustrate" / "subjects.json.gz"

# Each line: anchor home-scene size : icon[=word/other word] …   The icon's own name is always a
# word.
#   anchor  ground  stands on the ground     item   an object, may lie on any surface
#           air     flies, no contact        boat@y afloat; y = water line in the icon (0..32 from
# the top)
#           swim    lives in water           face   a head only: gets a seated body
#           bust    head and shoulders: cut by the lower edge or by a surface
#           symbol  a sign: floats, never touches the ground
#   size    1 = a dog; only proportions between the subjects of one picture
TABLE = """
ground meadow 1.0: dog=puppy/hound, cat=kitten/kitty, goat, ewe=sheep/lamb/ram, pig=piglet,
  leopard=cheetah, kangaroo
ground meadow 0.55: rabbit=bunny/hare, chipmunk=squirrel, duck=mallard/goose, rooster=cock,
  turtle=tortoise, otter, turkey, peacock=peafowl, swan, flamingo, crocodile=alligator
ground meadow 0.35: mouse, snail, baby-chick=chick, lady-beetle=ladybug/ladybird, ant,
  bug=caterpillar
ground meadow 1.5: cow, horse=pony/stallion/mare, deer=stag/doe, donkey, llama=alpaca, zebra,
  tiger, moose=elk, gorilla, monkey
ground meadow 2.0: elephant, giraffe, rhinoceros=rhino, sauropod=dinosaur/brontosaurus,
  t-rex=tyrannosaurus
ground desert 1.6: camel
ground snow 0.8: penguin, snowman-without-snow=snowman, sled=sleigh, skis=ski
face forest 1.0: fox, bear, wolf, panda, koala, lion, tiger-face, raccoon, frog=toad, boar,
  polar-bear, unicorn, hamster, dragon-face, chicken=hen
ground forest 0.6: owl, sloth, mushroom=toadstool, brown-mushroom
air sky 0.6: bird=robin, eagle=hawk/falcon, dove=pigeon, parrot=macaw, blackbird=raven/crow, bat,
  butterfly, honeybee=bee/bumblebee, feather, fallen-leaf, leaf-fluttering-in-wind=leaf/leaves,
  maple-leaf
swim underwater 1.0: fish=goldfish, tropical-fish, blowfish=pufferfish, dolphin, shark, octopus,
  squid=calamari, jellyfish=medusa
swim underwater 1.8: whale, spouting-whale=orca
item underwater 0.6: coral, spiral-shell=shell/seashell, crab, lobster, shrimp=prawn,
  diving-mask=snorkel
ground meadow 1.6: deciduous-tree=tree/oak, evergreen-tree=pine/fir/spruce, palm-tree=palm,
  christmas-tree=xmas tree
ground desert 1.2: cactus=cacti/succulent
item meadow 0.7: sunflower, tulip, rose, blossom=daisy, cherry-blossom=sakura, hibiscus,
  hyacinth=lavender, lotus=water lily, bouquet=bunch of flowers, shamrock, herb,
  seedling=sprout/sapling, potted-plant=houseplant/plant, sheaf-of-rice=wheat
air sky 1.0: balloon=hot air balloon/air balloon, kite, parachute=paraglider/skydiver,
  helicopter=chopper, airplane=aeroplane/plane/jet/aircraft, small-airplane=propeller
  plane/biplane, flying-saucer=ufo, rainbow, cloud, umbrella, high-voltage=lightning/thunderbolt,
  snowflake, dragon
air space 1.0: rocket=spaceship/spacecraft/space shuttle, satellite, comet=meteor/asteroid,
  ringed-planet=saturn, globe-showing-europe-africa=earth/globe/world, star=stars, sun,
  sparkles=glitter, crescent-moon, full-moon
boat@23.5 sea 1.4: sailboat=boat/yacht/sail/sailing/dinghy
boat@23.5 sea 1.4: motor-boat, speedboat=powerboat
boat@25.5 sea 1.9: ship=cruise ship/steamer/vessel, ferry, passenger-ship=ocean liner
boat@20 sea 1.2: canoe=kayak
item beach 0.7: anchor, ring-buoy=lifebuoy, umbrella-on-ground=beach umbrella/parasol,
  sunglasses=shades, tropical-drink=cocktail, coconut
ground road 1.4: automobile=car/sedan/auto, sport-utility-vehicle=suv/jeep/offroader, taxi=cab,
  racing-car=race car/sports car/formula, pickup-truck=pickup, police-car
ground road 1.9: bus=coach, minibus=van/camper/campervan/motorhome, ambulance, fire-engine=fire
  truck, delivery-truck=truck/lorry/delivery van, articulated-lorry=semi, tractor,
  locomotive=steam train, bullet-train=high speed train/train, tram-car=tram/streetcar/trolley
ground road 1.0: bicycle=bike/cycle, motorcycle=motorbike, motor-scooter=scooter/vespa/moped,
  kick-scooter, skateboard
ground hills 2.0: house=home/cottage, house-with-garden=villa, hut=cabin, castle=fortress,
  church=chapel, classical-building=temple, japanese-castle=pagoda, school, hospital, factory,
  office-building=office, hotel, convenience-store=shop/store, bank, ferris-wheel,
  circus-tent=circus, statue-of-liberty, tokyo-tower=tower, stadium, rock=stone/boulder
ground beach 2.0: lighthouse=light house
ground meadow 2.0: windmill=mill
boat@28 sea 1.8: bridge=stone bridge/arch bridge/viaduct/aqueduct
ground hills 1.2: tent=camping tent/camp, fire=campfire/bonfire/flame, wood=log
item table 0.7: hot-beverage=coffee/cup of coffee/espresso/cappuccino/latte/mug/cup,
  teacup-without-handle=tea/matcha/green tea, teapot=kettle, bubble-tea=boba,
  cup-with-straw=soda/lemonade, glass-of-milk=milk, wine-glass=wine/red wine,
  cocktail-glass=martini, beer-mug=beer/ale/lager, clinking-beer-mugs=cheers,
  clinking-glasses=champagne glasses/toast, bottle-with-popping-cork=champagne/bottle/prosecco
item table 0.7: red-apple=apple, green-apple, tangerine=orange/mandarin/clementine, lemon, lime,
  banana, pineapple=ananas, mango, peach=apricot, pear, cherries=cherry, strawberry=berry/berries,
  blueberries=blueberry, grapes=grape, watermelon=melon slice, melon, kiwi-fruit=kiwi, avocado,
  olive, tomato, eggplant=aubergine, carrot, ear-of-corn=corn/maize, hot-pepper=chili/chilli,
  cucumber, broccoli, leafy-green=lettuce/cabbage, garlic, onion, peanuts=peanut/nut, beans=coffee
  bean
item table 0.8: bread=loaf, baguette-bread=baguette, croissant=pastry, pretzel, bagel,
  pancakes=pancake, waffle, cheese-wedge=cheese, hamburger=burger/cheeseburger,
  french-fries=fries/chips, pizza, hot-dog=hotdog, sandwich=toastie, taco, burrito=wrap,
  stuffed-flatbread=kebab/gyros/doner, green-salad=salad, egg, cooking=fried egg/frying pan,
  pot-of-food=soup/stew, steaming-bowl=ramen/noodle/noodles, spaghetti=pasta, sushi,
  rice-ball=onigiri, curry-rice=curry, dumpling=gyoza, shallow-pan-of-food=paella, popcorn,
  cut-of-meat=steak/meat, poultry-leg=chicken leg/drumstick, bacon, honey-pot=honey, jar=jam, salt
item table 0.7: birthday-cake=cake, shortcake=slice of cake, cupcake=muffin, doughnut=donut,
  cookie=biscuit, chocolate-bar=chocolate, candy=sweets/sweet, lollipop, ice-cream=sundae/gelato,
  soft-ice-cream=ice cream cone/icecream, pie=tart, ice=ice cube
item table 0.7: fork-and-knife=cutlery, fork-and-knife-with-plate=plate/dinner, spoon,
  kitchen-knife=knife, chopsticks, bowl-with-spoon=bowl/cereal
item studio 0.7: laptop=notebook computer/macbook, desktop-computer=computer/monitor/screen,
  mobile-phone=phone/smartphone/cellphone/iphone, watch=smartwatch/wristwatch,
  headphone=headphones/headset/earphone, camera=photo camera, video-camera=camcorder,
  movie-camera=film camera, television=tv, video-game=gamepad/controller, joystick, keyboard,
  printer, battery, light-bulb=lightbulb/bulb/idea/lamp, flashlight=torch, radio, microphone=mic,
  studio-microphone=podcast, telephone, robot=android, alarm-clock=clock, stopwatch=timer,
  hourglass-not-done=hourglass, compass
item studio 0.7: running-shoe=sneaker/trainer/shoe, high-heeled-shoe=high heel/heel/stiletto,
  hiking-boot=boot, mans-shoe=loafer, womans-boot, dress=gown, jeans=trousers/pants,
  t-shirt=tshirt/shirt/tee, womans-clothes=blouse, coat=jacket, scarf, gloves=glove/mitten,
  socks=sock, billed-cap=cap, top-hat=hat, womans-hat=sun hat, handbag=bag/tote, purse=wallet,
  backpack=rucksack/school bag, briefcase, luggage=suitcase, glasses=eyeglasses/spectacles,
  goggles, necktie=tie, crown, ring=engagement ring/jewelry/jewellery,
  gem-stone=diamond/gem/jewel/crystal, lipstick=makeup/cosmetic,
  lotion-bottle=lotion/cream/shampoo/perfume/skincare, nail-polish, soap=soap bar,
  graduation-cap=graduation
item studio 0.7: wrapped-gift=gift/present/gift box, shopping-bags=shopping bag/shopping,
  shopping-cart=cart/trolley cart, package=parcel/box/delivery, credit-card, money-bag=money,
  coin=coins, dollar-banknote=dollar/cash/banknote, label=price tag/tag, receipt,
  chart-increasing=growth/chart, bar-chart=statistics, calendar=date, envelope=letter/mail,
  loudspeaker, megaphone=announcement, bell=notification, locked=lock/padlock/security, key=keys,
  magnifying-glass-tilted-left=magnifier/search, shield=protection, gear=cog/cogwheel/settings,
  hammer, wrench=spanner, screwdriver, scissors, paintbrush=brush, artist-palette=paint
  palette/painting, pencil, pen, fountain-pen, books, closed-book=book, open-book=reading,
  notebook, newspaper, memo=note, clipboard, puzzle-piece=puzzle/jigsaw, magnet, telescope,
  microscope, pill=medicine, thermometer, globe-with-meridians=internet/web
item room 0.9: couch-and-lamp=sofa/couch, bed, chair, candle, teddy-bear, bathtub, bucket,
  toothbrush, framed-picture=picture frame, yarn=wool
item party 0.7: party-popper, confetti-ball, trophy=cup winner/award/prize, sports-medal=medal,
  1st-place-medal=gold medal, ribbon=bow, jack-o-lantern=pumpkin/halloween, fireworks=firework,
  mirror-ball=disco ball/disco, ticket, performing-arts=theatre/theater/mask,
  clapper-board=film/movie/cinema, guitar, trumpet, saxophone=sax, drum, accordion,
  musical-keyboard=piano, maracas, banjo, flute, musical-note=note of music/melody,
  musical-notes=music, game-die=dice, bullseye=target/dartboard, crystal-ball, magic-wand,
  piata=pinata, red-paper-lantern=lantern
item meadow 0.6: soccer-ball=football/soccer, basketball, american-football, baseball,
  tennis=tennis racket/racket, volleyball, rugby-football=rugby, softball, badminton=shuttlecock,
  boxing-glove=boxing, bowling, ping-pong=table tennis, ice-skate=skate, roller-skate,
  flag-in-hole=golf, bow-and-arrow=archery, fishing-pole=fishing rod
ground hills 1.3: person-running-facing-right=runner/jogger/running,
  person-walking-facing-right=walker/pedestrian/hiker/walking,
  person-biking=cyclist/biker/cycling, person-mountain-biking=mountain biker,
  woman-dancing=dancer/dancing, man-dancing, person-in-lotus-position=yoga/meditation/meditating,
  person-lifting-weights=weightlifter/gym/fitness, horse-racing=horse rider/jockey/rider,
  person-standing=standing man/standing person
ground snow 1.2: skier=skiing, snowboarder=snowboard/snowboarding
boat@29 sea 1.0: person-surfing=surfer/surfing
boat@24 sea 1.0: person-rowing-boat=rower/rowing
bust studio 1.2: astronaut=cosmonaut/spaceman, woman=lady/women, man=gentleman/men,
  person=people/human, girl, boy, baby=infant, child=kid/toddler, old-man=grandfather/grandpa,
  old-woman=grandmother/grandma, cook=chef, farmer=gardener/peasant, firefighter=fireman,
  police-officer=policeman/police, pilot, student=graduate, scientist=researcher/chemist,
  health-worker=doctor/nurse/physician, technologist=programmer/developer/coder,
  office-worker=businessman/manager/businesswoman, artist=painter, singer=vocalist/rock star,
  construction-worker=builder, mechanic=engineer, detective=spy, ninja,
  person-superhero=superhero/hero, person-mage=mage/wizard/witch/magician, princess=queen,
  prince=king, santa-claus=santa, person-fairy=fairy, person-vampire=vampire/dracula,
  person-merpeople=mermaid, woman-technologist=female developer, woman-scientist=female scientist,
  woman-health-worker=female doctor
symbol abstract 0.9: red-heart=heart/love, two-hearts=hearts, sparkling-heart,
  green-heart, thumbs-up=like, handshake=deal/partnership, flexed-biceps=muscle/strength,
  folded-hands=thank/thanks/prayer, clapping-hands=applause, waving-hand=hello,
  victory-hand=peace, check-mark-button=check mark/checkmark, brain=mind/intelligence, eye=vision,
  speech-balloon=chat/message/speech bubble, recycling-symbol=recycling/recycle,
  grinning-face=smiley/smile/emoji, smiling-face-with-sunglasses=cool smiley, star-struck,
  droplet=water drop/drop/water droplet, ghost, alien=extraterrestrial,
  beaming-face-with-smiling-eyes=happy face, smiling-face-with-heart-eyes=in love, tooth=dentist,
  bubbles=bubble
"""


def fetch(folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return icons and code points of the pinned package.

    Refuse anything with another integrity.
    """
    subprocess.run(
        ["npm", "pack", f"{PACKAGE}@{VERSION}", "--silent"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    (archive,) = folder.glob("*.tgz")
    blob = archive.read_bytes()
    found = "sha512-" + base64.b64encode(hashlib.sha512(blob).digest()).decode()
    if found != INTEGRITY:
        raise SystemExit(f"{archive.name} has integrity {found}, expected {INTEGRITY}")
    with tarfile.open(fileobj=io.BytesIO(blob)) as tar:
        members = [tar.extractfile(f"package/{name}.json") for name in ("icons", "chars")]
        icons, characters = (json.load(member) for member in members if member is not None)
        return icons["icons"], characters


def own() -> dict[str, dict[str, str]]:
    """Return the subjects that were drawn here, as the package's icons are told."""
    return {
        file.stem: {"body": file.read_text().partition(">")[2].removesuffix("</svg>\n")}
        for file in sorted(OWN.glob("*.svg"))
    }


def flatten(body: str) -> list[str]:
    """Return the drawing elements of an SVG body, groups and references resolved."""
    root = ET.fromstring(f"<svg>{body}</svg>")  # noqa: S314 - pinned by integrity
    named = {f"#{node.get('id')}": node for node in root.iter() if node.get("id")}
    found: list[str] = []

    def walk(node: ET.Element, inherited: dict[str, str]) -> None:
        own = {**inherited, **{k: v for k, v in node.attrib.items() if k not in DROPPED}}
        if node.tag in {"g", "svg"}:
            for child in node:
                walk(child, own)
        elif node.tag == "use":
            walk(named[node.attrib["href"]], {k: v for k, v in own.items() if k != "href"})
        elif node.tag in {"path", "circle", "ellipse", "rect"}:
            if own.get("fill") != "none" or "stroke" in own:
                attributes = " ".join(f'{k}="{v}"' for k, v in sorted(own.items()))
                found.append(f"<{node.tag} {attributes}/>")
        elif node.tag != "defs":
            raise SystemExit(f"an element that the composer does not draw: {node.tag}")

    walk(root, {})
    if any("url(" in part for part in found):
        raise SystemExit("gradients and filters are not drawn; choose another icon")
    return found


def bounds(parts: list[str]) -> list[float]:
    """Return the painted box (x0, y0, x1, y1) in icon units, 0..32, from a rendering at 256 px."""
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">{"".join(parts)}</svg>'
    png = resvg_py.svg_to_bytes(svg_string=svg, width=256, height=256, skip_system_fonts=True)
    box = (
        Image.open(io.BytesIO(bytes(png)))
        .getchannel("A")
        .point(lambda a: 255 if a > 40 else 0)
        .getbbox()
    )
    if box is None:
        raise SystemExit("an icon that paints nothing")
    return [v / 8 for v in box]


def shares(parts: list[str]) -> list[int]:
    """Return how many per mille of the 32 x 32 box each part covers: details are told apart so."""
    found: list[int] = []
    for part in parts:
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">{part}</svg>'
        png = resvg_py.svg_to_bytes(svg_string=svg, width=64, height=64, skip_system_fonts=True)
        histogram = Image.open(io.BytesIO(bytes(png))).getchannel("A").histogram()
        found.append(round(sum(histogram[128:]) * 1000 / 4096))
    return found


def rows() -> dict[str, dict[str, Any]]:
    """Read the table: icon -> anchor, home, size, words."""
    table: dict[str, dict[str, Any]] = {}
    for line in TABLE.strip().replace("\n  ", " ").splitlines():
        head, _, tail = line.partition(": ")
        anchor, home, size = head.split()
        for entry in tail.split(", "):
            icon, _, words = entry.strip().partition("=")
            if icon in table:
                raise SystemExit(f"{icon} is in the table twice")
            table[icon] = {
                "anchor": anchor.partition("@")[0],
                "water": float(anchor.partition("@")[2] or 0),
                "home": home,
                "size": float(size),
                "words": [icon.replace("-", " "), *(w for w in words.split("/") if w)],
            }
    return table


def main() -> None:
    """Write the data file."""
    with tempfile.TemporaryDirectory() as folder:
        icons, characters = fetch(Path(folder))
    ours = own()
    if twice := ours.keys() & icons.keys():
        raise SystemExit(f"drawn here and in the package: {', '.join(sorted(twice))}")
    icons |= ours
    emoji: dict[str, str] = {}
    for code, icon in sorted(characters.items()):
        if "-" not in code:
            emoji.setdefault(icon, chr(int(code, 16)))
    subjects: dict[str, Any] = {}
    for icon, row in sorted(rows().items()):
        parts = flatten(icons[icon]["body"])
        subjects[icon] = {**row, "box": bounds(parts), "shares": shares(parts), "parts": parts}
        subjects[icon]["words"] += [emoji[icon]] if icon in emoji else []
    document = {
        "source": PACKAGE,
        "version": VERSION,
        "licence": "MIT",
        "drawn_here": sorted(ours),
        "subjects": subjects,
    }
    text = json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
    # mtime=0: the archive depends on its content alone.
    TARGET.write_bytes(gzip.compress(text, 9, mtime=0))
    print(f"{TARGET.name}: {len(subjects)} subjects, {TARGET.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
