"""What stands between the program under test and a moto server: every request goes to moto and its answer comes back, but for
what MENDS names, where moto is not like AWS in a way that nothing behind it could be tried. A mend is done with moto's own
operations where it has any, leaves alone what moto has right already, and is told in `mended` when it was needed."""
import base64
import http.client
import http.server
import json
import re
import threading
import urllib.parse
import xml.etree.ElementTree

BLOCK = 524288
MENDS = {
    'block size': 'EBS direct APIs answer a BlockSize of 512; it is 524288 bytes',
    'token': 'BlockToken is a UUID; the API has letters, digits, "+", "/" and "=" alone in it',
    'parent': 'StartSnapshot ignores ParentSnapshotId: the snapshot begins empty, and the answer does not name the parent',
    'list': 'ListSnapshotBlocks answers indexes as text, in the order of the puts, without startingBlockIndex or maxResults',
    'register': 'RegisterImage keeps Name and Description alone: no tags, no device, no boot mode, and a snapshot of its own',
    'copy': 'CopyImage ignores TagSpecification, and knows no size and architecture of its source, as RegisterImage kept none',
    'source version': 'CreateLaunchTemplateVersion ignores SourceVersion: the new version holds nothing but what was sent',
    'snapshot filter': 'DescribeImages knows no filter block-device-mapping.snapshot-id, nor the snapshots images were made of',
    'data type filter': 'DescribeParameters refuses the filter DataType, which the service\'s own model names',
    'unknown operation': 'an operation that moto has not ends in HTTP status 500, as if it may be tried again; AWS: InvalidAction',
}
SNAPSHOT = 'block-device-mapping.snapshot-id'
IMAGE = {'Architecture': 'architecture', 'BootMode': 'bootMode', 'TpmSupport': 'tpmSupport', 'ImdsSupport': 'imdsSupport',
         'RootDeviceName': 'rootDeviceName', 'VirtualizationType': 'virtualizationType', 'EnaSupport': 'enaSupport'}
INVALID = (b'<Response><Errors><Error><Code>InvalidAction</Code><Message>moto has no %s</Message></Error></Errors>'
           b'<RequestID>1</RequestID></Response>')
EBS = {('POST', 'snapshots'): 'StartSnapshot', ('PUT', 'blocks'): 'PutSnapshotBlock', ('POST', 'completion'): 'CompleteSnapshot',
       ('GET', 'blocks'): 'ListSnapshotBlocks', ('GET', 'block'): 'GetSnapshotBlock'}


def tags_of(form, kind):
    """{key: value} of the TagSpecification of that resource type."""
    found = {}
    for name, value in form.items():
        if value == kind and name.endswith('.ResourceType'):
            start = name[:-len('ResourceType')] + 'Tag.'
            found = {v: form.get(n[:-3] + 'Value', '') for n, v in form.items() if n.startswith(start) and n.endswith('.Key')}
    return found


class Moto:
    """Requests of the mender's own."""

    def __init__(self, port):
        self.port = port

    def send(self, method, path, headers, body):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=30)
        try:
            connection.request(method, path, body, headers)
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read()
        finally:
            connection.close()

    def signed(self, service, region):
        return {'Authorization': 'AWS4-HMAC-SHA256 Credential=AKIAMEND/20200101/%s/%s/aws4_request, SignedHeaders=host, '
                                 'Signature=0' % (region, service), 'Host': '127.0.0.1:%d' % self.port}

    def ec2(self, region, action, **form):
        form = {'Action': action, 'Version': '2016-11-15', **{k.replace('_', '.'): v for k, v in form.items()}}
        headers = {'Content-Type': 'application/x-www-form-urlencoded', **self.signed('ec2', region)}
        status, _, body = self.send('POST', '/', headers, urllib.parse.urlencode(form).encode())
        if status != 200:
            raise OSError('%s: %d %r' % (action, status, body[:300]))
        return Xml(body)

    def ebs(self, region, method, path, headers=(), body=b''):
        return self.send(method, path, {**self.signed('ebs', region), **dict(headers)}, body)

    def tag(self, region, resource, tags):
        pairs = {}
        for n, (key, value) in enumerate(tags.items(), 1):
            pairs.update({'Tag_%d_Key' % n: key, 'Tag_%d_Value' % n: value})
        if tags:
            self.ec2(region, 'CreateTags', ResourceId_1=resource, **pairs)


class Xml:
    """An answer of EC2, whose names are without their namespace until it is written again."""

    def __init__(self, body):
        root = xml.etree.ElementTree.fromstring(body)
        self.space = root.tag[1:].partition('}')[0] if root.tag.startswith('{') else None
        for node in root.iter():
            node.tag = node.tag.rpartition('}')[2]
        self.root = root

    def items(self, name):
        return self.root.findall('./%s/item' % name)

    def write(self):
        if self.space:
            self.root.set('xmlns', self.space)
        return xml.etree.ElementTree.tostring(self.root)


def put(node, name, text):
    """Sets the text of a child; whether it was another."""
    child = node.find(name)
    if child is None:
        child = xml.etree.ElementTree.SubElement(node, name)
    other, child.text = (child.text or '').lower() != text.lower(), text
    return other


class Mender:
    def __init__(self, port):
        self.moto = Moto(port)
        self.lock = threading.Lock()
        self.counts = {}         # "ec2.RegisterImage": how often
        self.unknown = set()     # operations that moto has not
        self.mended = set()      # of MENDS
        self.registered = {}     # image id: the form of its RegisterImage
        mender = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def handle_one(self):
                body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
                status, headers, body = mender.answer(self.command, self.path, dict(self.headers.items()), body)
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower() not in ('content-length', 'connection', 'server', 'date', 'transfer-encoding', 'status'):
                        self.send_header(name, value)
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = handle_one

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.url = 'http://127.0.0.1:%d' % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def mend(self, name):
        assert name in MENDS
        self.mended.add(name)

    def answer(self, method, path, headers, body):
        scope = re.search(r'Credential=[^/]+/\d+/([^/]+)/([^/]+)/aws4_request', headers.get('Authorization', ''))
        if scope is None:
            return 403, {}, b'not signed'
        region, service = scope.groups()
        form = {}
        if service == 'ebs':
            parts = path.partition('?')[0].strip('/').split('/')
            word = 'block' if method == 'GET' and len(parts) == 4 else parts[2] if len(parts) > 2 and method != 'POST' else \
                parts[1] if len(parts) > 2 else parts[0]
            operation = EBS.get((method, word), method + ' ' + path)
        elif service == 'ssm':
            target = {k.lower(): v for k, v in headers.items()}.get('x-amz-target', '')
            operation, form = target.partition('.')[2], json.loads(body)
        else:
            form = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
            operation = form.get('Action', '')
        if operation == 'StartSnapshot':
            form = json.loads(body)
        elif service == 'ebs':
            form = dict(urllib.parse.parse_qsl(path.partition('?')[2]))
        with self.lock:
            name = '%s.%s' % (service, operation)
            self.counts[name] = self.counts.get(name, 0) + 1
        before, after = getattr(self, 'before_' + operation, None), getattr(self, 'after_' + operation, None)
        status, heads, reply = (before and before(region, form)) or self.moto.send(method, path, headers, body)
        if status == 500 and service in ('ec2', 'autoscaling') and b'<Code>' not in reply:
            self.mend('unknown operation')
            self.unknown.add(operation)
            return 400, {'Content-Type': 'text/xml'}, INVALID % operation.encode()
        return status, heads, after(region, form, reply) if after and status < 400 else reply

    # EBS direct APIs

    def sized(self, answer):
        if answer.get('BlockSize') != BLOCK:
            answer['BlockSize'] = BLOCK
            self.mend('block size')
        return answer

    def blocks(self, region, snapshot):
        return json.loads(self.moto.ebs(region, 'GET', '/snapshots/%s/blocks' % snapshot)[2])['Blocks']

    def after_StartSnapshot(self, region, asked, reply):
        answer = self.sized(json.loads(reply))
        parent = asked.get('ParentSnapshotId')
        if parent and answer.get('ParentSnapshotId') != parent:
            self.mend('parent')
            answer['ParentSnapshotId'] = parent
            for block in self.blocks(region, parent):
                path = '/snapshots/%%s/blocks/%s' % block['BlockIndex']
                _, heads, data = self.moto.ebs(region, 'GET', path % parent + '?blockToken=' + block['BlockToken'])
                self.moto.ebs(region, 'PUT', path % answer['SnapshotId'],
                              {k: v for k, v in heads.items() if k.lower().startswith('x-amz-')}, data)
        return json.dumps(answer).encode()

    def after_ListSnapshotBlocks(self, region, query, reply):
        answer = self.sized(json.loads(reply))
        said = answer['Blocks']
        blocks = sorted(({**b, 'BlockIndex': int(b['BlockIndex'])} for b in said), key=lambda b: b['BlockIndex'])
        blocks = [b for b in blocks if b['BlockIndex'] >= int(query.get('startingBlockIndex', 0))]
        for b in blocks:
            if not re.fullmatch(r'[A-Za-z0-9+/=]{1,256}', b['BlockToken']):
                self.mend('token')
                b['BlockToken'] = base64.b64encode(b['BlockToken'].encode()).decode()
        limit = int(query.get('maxResults', 10000))
        assert len(blocks) <= limit or query.get('startingBlockIndex'), 'a mend of pages is not needed for images this small'
        answer['Blocks'] = blocks[:limit]
        if answer['Blocks'] != said:
            self.mend('list')
        return json.dumps(answer).encode()

    # EC2

    def after_RegisterImage(self, region, form, reply):
        image = Xml(reply).root.findtext('imageId')
        self.registered[image] = form
        if not self.moto.ec2(region, 'DescribeImages', ImageId_1=image).items('imagesSet')[0].findall('tagSet/item'):
            self.moto.tag(region, image, tags_of(form, 'image'))
        return reply

    def after_CopyImage(self, region, form, reply):
        image = Xml(reply).root.findtext('imageId')
        item = self.moto.ec2(region, 'DescribeImages', ImageId_1=image).items('imagesSet')[0]
        if not item.findall('tagSet/item'):
            self.mend('copy')
            source = self.registered.get(form['SourceImageId'], {})
            self.registered[image] = {k: v for k, v in source.items() if not k.endswith('.SnapshotId')}
            self.moto.tag(region, image, tags_of(form, 'image'))
            for snapshot in item.findall('blockDeviceMapping/item/ebs/snapshotId'):
                self.moto.tag(region, snapshot.text, tags_of(form, 'snapshot'))
        return reply

    def before_DescribeImages(self, region, form):
        """By the filter that moto does not know: all of the owner's, of which `after` leaves those."""
        if form.get('Filter.1.Name') != SNAPSHOT:
            return None
        self.mend('snapshot filter')
        return 200, {'Content-Type': 'text/xml'}, self.moto.ec2(region, 'DescribeImages', Owner_1='self').write()

    def after_DescribeImages(self, region, form, reply):
        answer = Xml(reply)
        for item in answer.items('imagesSet'):
            asked = self.registered.get(item.findtext('imageId'))
            if asked is None:
                continue
            other = [put(item, said, asked[name]) for name, said in IMAGE.items() if name in asked]
            device = item.find('blockDeviceMapping/item')
            other.append(put(device, 'deviceName', asked['BlockDeviceMapping.1.DeviceName']))
            for name in ('SnapshotId', 'VolumeType', 'DeleteOnTermination', 'VolumeSize'):
                value = asked.get('BlockDeviceMapping.1.Ebs.' + name)
                if value is not None:
                    other.append(put(device.find('ebs'), name[0].lower() + name[1:], value))
            if any(other):
                self.mend('register')
        if form.get('Filter.1.Name') == SNAPSHOT:
            images = answer.root.find('imagesSet')
            for item in list(images):
                if form['Filter.1.Value.1'] not in [s.text for s in item.findall('blockDeviceMapping/item/ebs/snapshotId')]:
                    images.remove(item)
        return answer.write()

    def before_CreateLaunchTemplateVersion(self, region, form):
        """What the source has and the request has not, as far as it is one text."""
        if 'SourceVersion' not in form:
            return None
        found = self.moto.ec2(region, 'DescribeLaunchTemplateVersions', LaunchTemplateId=form['LaunchTemplateId'],
                              LaunchTemplateVersion_1=form['SourceVersion']).items('launchTemplateVersionSet')
        inherited = {'LaunchTemplateData.' + n.tag[0].upper() + n.tag[1:]: n.text for n in found[0].find('launchTemplateData')
                     if n.text and not len(n)}
        if not set(inherited) - set(form):
            return None
        self.mend('source version')
        head = {'Content-Type': 'application/x-www-form-urlencoded', **self.moto.signed('ec2', region)}
        return self.moto.send('POST', '/', head, urllib.parse.urlencode({**inherited, **form}).encode())

    # Systems Manager

    def before_DescribeParameters(self, region, asked):
        wanted = [f for f in asked.get('ParameterFilters', []) if f['Key'] == 'DataType']
        if not wanted:
            return None
        head = {'Content-Type': 'application/x-amz-json-1.1', 'X-Amz-Target': 'AmazonSSM.DescribeParameters',
                **self.moto.signed('ssm', region)}
        status, headers, reply = self.moto.send('POST', '/', head, json.dumps(asked).encode())
        if status < 400:
            return status, headers, reply
        self.mend('data type filter')
        rest = {**asked, 'ParameterFilters': [f for f in asked['ParameterFilters'] if f not in wanted]}
        status, headers, reply = self.moto.send('POST', '/', head, json.dumps(rest).encode())
        answer = json.loads(reply)
        answer['Parameters'] = [p for p in answer['Parameters'] if p.get('DataType') in wanted[0]['Values']]
        return status, headers, json.dumps(answer).encode()
